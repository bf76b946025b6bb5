import { expect, test } from "vitest";
import { PaygentError } from "../protocol/errors.ts";
import { PostgresGroups } from "./postgres-groups.ts";
import { LeavesGroup } from "./statement.ts";

type Group = ConstructorParameters<typeof PostgresGroups>[0]["group"];

/** Groups whose transactions end as a test says; units here say who they are and touch no database. */
function groups(
  end: (group: Group, units: Parameters<Group>[0]) => ReturnType<Group> = (group, units) => group(units),
) {
  const ran: unknown[][] = [];
  const alone: unknown[] = [];
  const noDatabase = undefined as never;
  const group: Group = async (units) => {
    const outcomes = await Promise.allSettled(units.map((unit) => unit(noDatabase)));
    ran.push(outcomes.map((outcome) => (outcome.status === "fulfilled" ? outcome.value : outcome.reason)));
    return outcomes;
  };
  const line = new PostgresGroups({
    group: (units) => end(group, units),
    async alone(unit) {
      const value = await unit(noDatabase);
      alone.push(value);
      return value;
    },
  });
  return { ran, alone, write: (sessionId: string, value: unknown) => line.write(sessionId, async () => value), line };
}

test("units of different sessions commit together, those of one session one behind the other", async () => {
  const { ran, write } = groups();

  const values = await Promise.all([write("one", 1), write("two", 2), write("one", 3), write("one", 4)]);

  expect(values).toEqual([1, 2, 3, 4]);
  expect(ran).toEqual([[1, 2], [3], [4]]);
});

test("a unit that leaves its group runs alone, and its session's next one after it", async () => {
  const { alone, write, line } = groups();
  let tries = 0;
  const leaving = line.write("one", async () => {
    tries += 1;
    if (tries === 1) throw new LeavesGroup();
    return "alone";
  });
  const next = write("one", "next");

  expect(await leaving).toBe("alone");
  expect(alone).toEqual(["alone"]);
  expect(await next).toBe("next");
});

test("what failed by itself is told, and is not tried again", async () => {
  const failure = new Error("This unit changes its mind.");
  const { alone, write, line } = groups();

  const outcomes = await Promise.allSettled([line.write("one", () => Promise.reject(failure)), write("two", 2)]);

  expect(outcomes).toMatchObject([
    { status: "rejected", reason: failure },
    { status: "fulfilled", value: 2 },
  ]);
  expect(alone).toEqual([]);
});

test("when nobody can say what became of the transaction, no unit runs a second time", async () => {
  const lost = new PaygentError("unavailable", "The store cannot be reached at the moment. Try again shortly.");
  const { alone, write } = groups(async () => {
    throw lost;
  });

  const outcomes = await Promise.allSettled([write("one", 1), write("two", 2)]);

  expect(outcomes).toMatchObject([
    { status: "rejected", reason: lost },
    { status: "rejected", reason: lost },
  ]);
  expect(alone).toEqual([]);
});

test("a transaction has 64 units at most", async () => {
  const { ran, write } = groups();

  await Promise.all(Array.from({ length: 100 }, (_, index) => write(`session ${index}`, index)));

  expect(ran.map((group) => group.length)).toEqual([64, 36]);
});
