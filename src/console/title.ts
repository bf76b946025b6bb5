import { useEffect } from "react";

let page = "";
let waiting = 0;

function show(): void {
  document.title = `${waiting > 0 ? `(${waiting}) ` : ""}${page} · Paygent`;
}

/** What the window is called. */
export function useTitle(title: string): void {
  useEffect(() => {
    page = title;
    show();
  }, [title]);
}

/** How many requests wait, in front of whatever the window is called. */
export function useTitleCount(count: number): void {
  useEffect(() => {
    waiting = count;
    show();
  }, [count]);
}
