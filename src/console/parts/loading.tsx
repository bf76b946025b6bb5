import type { ReactNode } from "react";
import type { Loaded } from "../use-loaded.ts";
import { Button } from "./button.tsx";
import { Notice } from "./notice.tsx";

/** What was loaded, or a word on why it is not there. */
export function Loading<Value>({
  of,
  again,
  children,
}: {
  readonly of: Loaded<Value>;
  readonly again: () => void;
  readonly children: (value: Value) => ReactNode;
}) {
  switch (of.state) {
    case "loading":
      return (
        <p role="status" className="text-soft">
          Loading…
        </p>
      );
    case "failed":
      return (
        <Notice look="bad">
          <p>{of.message}</p>
          <Button className="mt-2" onClick={again}>
            Try again
          </Button>
        </Notice>
      );
    case "ready":
      return <>{children(of.value)}</>;
  }
}
