import type { ReactNode } from "react";

/** A part of the form with what it is about. */
export function Part({
  title,
  about,
  children,
}: {
  readonly title: string;
  readonly about: string;
  readonly children: ReactNode;
}) {
  return (
    <fieldset className="grid gap-4 lg:grid-cols-[14rem_minmax(0,1fr)] lg:gap-8">
      <legend className="sr-only">{title}</legend>
      <div>
        <h2 className="font-semibold text-base">{title}</h2>
        <p className="text-soft text-xs">{about}</p>
      </div>
      <div className="grid content-start gap-3">{children}</div>
    </fieldset>
  );
}
