import type { DemoParts } from "../../src/cli/demo.ts";

const notHere = () => Promise.reject(new Error("Not asked for."));

/** For command lines that run no demo. */
export const noDemo: DemoParts = {
  programPath: "",
  readEvidence: notHere,
  untilMoneyMoved: notHere,
  endChain: notHere,
};
