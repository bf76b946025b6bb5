import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { beforeAll, expect, test } from "vitest";
import { buildConsole } from "./support/browser.ts";

const folder = fileURLToPath(new URL("../dist/console/", import.meta.url));
const maxFirstLoad = 180 * 1024;

beforeAll(buildConsole, 60_000);

test("what the console loads first is at most 180 KB of script, gzipped", () => {
  const page = readFileSync(`${folder}index.html`, "utf8");
  // What the page names itself, and what those scripts import at once.
  const named = [...page.matchAll(/(?:src|href)="\.\/assets\/([^"]+\.js)"/g)].map(([, name = ""]) => name);
  const loaded = new Set<string>();
  for (let name = named.pop(); name !== undefined; name = named.pop()) {
    if (loaded.has(name)) continue;
    loaded.add(name);
    const imports = readFileSync(`${folder}assets/${name}`, "utf8").matchAll(/(?:from|import)"\.\/([^"]+\.js)"/g);
    named.push(...[...imports].map(([, imported = ""]) => imported));
  }

  const bytes = [...loaded].reduce((sum, name) => sum + gzipSync(readFileSync(`${folder}assets/${name}`)).length, 0);

  expect(loaded.size).toBeGreaterThan(0);
  expect(bytes).toBeLessThanOrEqual(maxFirstLoad);
});

test("the page has no code and no style of its own, and names no other server", () => {
  const page = readFileSync(`${folder}index.html`, "utf8");

  expect(page).not.toMatch(/<style|style=|<script(?![^>]*src=)|https?:\/\//);
  expect(readdirSync(`${folder}assets`).filter((name) => !/\.(js|css)$/.test(name))).toEqual([]);
});
