import type { ReactNode } from "react";
import type { Loaded } from "../use-loaded.ts";
import { Failure } from "./failure.tsx";

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
      return <Failure error={of.error} again={again} />;
    case "ready":
      return <>{children(of.value)}</>;
  }
}
