import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { PaygentError } from "../protocol/errors.ts";
import { type Hold, tryHold } from "../store/file-lock.ts";

/** One of the numbered places in a folder, each of which one process has at a time, until it ends or closes it. */
export interface Seat extends Hold {
  readonly number: number;
}

// Whoever looks whether a seat is free holds it for that moment.
const lookMs = 20;

/** Takes the first free seat of `count`. Throws when there is none. */
export function takeSeat(folder: string, count: number): Seat {
  mkdirSync(join(folder, "servers"), { recursive: true, mode: 0o700 });
  for (let number = 0; number < count; number++) {
    const hold = tryHold(seatFile(folder, number));
    if (hold !== undefined) return { number, close: () => hold.close() };
  }
  throw new PaygentError(
    "unavailable",
    `${count} servers use the local chain in ${folder}, and it serves no more. Stop one of them.`,
  );
}

/** Whether a process has a seat, other than the one given. */
export function isSeatTaken(folder: string, count: number, own?: Seat): boolean {
  return Array.from({ length: count }, (_, number) => number).some((number) => {
    const file = seatFile(folder, number);
    if (number === own?.number || !existsSync(file)) return false;
    const hold = tryHold(file, lookMs);
    hold?.close();
    return hold === undefined;
  });
}

const seatFile = (folder: string, number: number) => join(folder, "servers", `${number}.lock`);
