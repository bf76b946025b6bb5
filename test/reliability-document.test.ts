import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Mutant } from "./mutants/mutant.ts";

const text = readFileSync(new URL("../docs/reliability.md", import.meta.url), "utf8");
const folder = new URL("./mutants/", import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith(".ts") && name !== "mutant.ts");
/** Whatever the files of planted defects export is a list of them. */
const lists = await Promise.all(
  files.map(async (name) => Object.values<readonly Mutant[]>(await import(new URL(name, folder).href))),
);
const mutants = lists.flat(2);

test("every promise that a planted defect breaks stands in docs/reliability.md", () => {
  const rows = new Set([...text.matchAll(/^\| (\w+) \|/gm)].map(([, promise]) => promise));

  const missing = mutants.filter(({ promise }) => !rows.has(promise));

  expect(missing).toEqual([]);
});

test("every test that must catch a planted defect stands in docs/reliability.md", () => {
  const missing = mutants.map((mutant) => mutant.test).filter((path) => !text.includes(`\`${path}\``));

  expect([...new Set(missing)]).toEqual([]);
});

test("every planted defect still has its one place in the sources", () => {
  const placeless = mutants.filter(
    ({ file, find }) => readFileSync(new URL(`../${file}`, import.meta.url), "utf8").split(find).length !== 2,
  );

  expect(placeless.map(({ promise, defect, file }) => `${promise} ${defect} (${file})`)).toEqual([]);
});
