import { existsSync, readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const root = new URL("../", import.meta.url);
const pages = ["", "docs/"].flatMap((folder) =>
  readdirSync(new URL(folder, root))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `${folder}${name}`),
);

const sources = ["src", "test", "bench", "scripts", ".ci"].flatMap((folder) =>
  readdirSync(new URL(`${folder}/`, root), { recursive: true, encoding: "utf8" }).map((path) => `${folder}/${path}`),
);

function textOf(page: string): string {
  return readFileSync(new URL(page, root), "utf8");
}

/** The anchors of a page's headings, as they are made where the page is shown. */
function anchorsOf(page: string): Set<string> {
  const seen = new Map<string, number>();
  const headings = textOf(page)
    .replaceAll(/^```.*?^```/gms, "")
    .matchAll(/^#+ (.+)$/gm);
  return new Set(
    [...headings].map(([, heading = ""]) => {
      const anchor = heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}_ -]/gu, "")
        .replaceAll(" ", "-");
      const count = seen.get(anchor) ?? 0;
      seen.set(anchor, count + 1);
      return count === 0 ? anchor : `${anchor}-${count}`;
    }),
  );
}

test("there is a page for every reader", () => {
  expect(pages).toEqual(expect.arrayContaining(["README.md", "PROTOCOL.md", "ARCHITECTURE.md", "CONTRIBUTING.md"]));
});

test.each(pages)("every link of %s leads to a page and a heading that are there", (page) => {
  const links = [...textOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);

  const broken = links.filter((target) => {
    if (/^https?:/.test(target)) return false;
    const { pathname, hash } = new URL(target, new URL(page, root));
    const path = pathname.slice(root.pathname.length);
    return !existsSync(new URL(path, root)) || (hash !== "" && !anchorsOf(path).has(hash.slice(1)));
  });

  expect(broken).toEqual([]);
});

test.each(pages)("every source file that %s names is there", (page) => {
  const named = [...textOf(page).matchAll(/`((?:[\w-]+\/)*[\w.-]+\.ts|(?:src|test|bench|scripts|\.ci)\/[\w/-]+)`/g)];

  // Pages name a file by as much of its path as tells it from others.
  const missing = named
    .map(([, path = ""]) => path)
    .filter((path) => !sources.some((source) => `/${source}`.endsWith(`/${path.replace(/\/$/, "")}`)));

  expect(missing).toEqual([]);
});
