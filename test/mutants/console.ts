import type { Mutant } from "./mutant.ts";

export const consoleMutants: readonly Mutant[] = [
  {
    promise: "C1",
    defect: "The view keeps asking for what was already decided.",
    file: "src/react/session-fold.ts",
    find: "        this.#approvals.delete(event.data.request_id);\n",
    replace: "",
    test: "test/session-view.test.ts",
  },
  {
    promise: "C1",
    defect: "A rejected call is shown as one that succeeded.",
    file: "src/react/execution-fold.ts",
    find: 'status: success ? "succeeded" : isRefused ? "refused" : "failed",',
    replace: 'status: success || isRefused ? "succeeded" : "failed",',
    test: "test/session-view.test.ts",
  },
  {
    promise: "C2",
    defect: "The page may run code of its own.",
    file: "src/server/http/console.ts",
    find: "script-src 'self'; ",
    replace: "script-src 'self' 'unsafe-inline'; ",
    test: "src/server/http/console.test.ts",
  },
  {
    promise: "C2",
    defect: "Any file beside the console is served.",
    file: "src/server/http/console.ts",
    find: "contentType === undefined || !names.includes(name)",
    replace: "contentType === undefined || names.length === 0",
    test: "src/server/http/console.test.ts",
  },
  {
    promise: "C2",
    defect: "Characters that reorder text are shown as they are.",
    file: "src/console/plain-text.ts",
    find: "[\\p{Cf}\\p{Zl}\\p{Zp}]|",
    replace: "",
    test: "src/console/plain-text.test.ts",
  },
  {
    promise: "C3",
    defect: "The token stays in the address.",
    file: "src/console/access.ts",
    find: '    history.replaceState(null, "", `${location.pathname}${location.search}`);\n',
    replace: "",
    test: "test/browser/first-minute.test.ts",
  },
];
