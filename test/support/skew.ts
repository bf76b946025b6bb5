import { existsSync, globSync } from "node:fs";

/** Debian's faketime, which shifts the clock of a whole process. */
const [library] = globSync("/usr/lib/*/faketime/libfaketime.so.1");

/**
 * The environment of a server whose machine's clock is off by so many seconds, as steady as any other. Where
 * faketime is not installed the server of `faulty-process.ts` shifts what JavaScript takes for the time.
 */
export function skewedEnv(seconds: number): Readonly<Record<string, string>> {
  if (library === undefined || !existsSync(library)) return { TEST_DATE_SHIFT_MS: String(seconds * 1000) };
  const sign = seconds < 0 ? "" : "+";
  return { LD_PRELOAD: library, FAKETIME: `${sign}${seconds}s`, FAKETIME_DONT_FAKE_MONOTONIC: "1" };
}
