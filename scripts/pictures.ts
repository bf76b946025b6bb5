import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Frame } from "../test/support/film.ts";

/**
 * Puts what the browser tests left in artifacts/ into docs/images/: the stills as they are, and the film of the
 * first minute as one moving picture. That takes `img2webp`, of Debian's package `webp`.
 */
const from = fileURLToPath(new URL("../artifacts/", import.meta.url));
const to = fileURLToPath(new URL("../docs/images/", import.meta.url));
const stills = ["approval-light", "approval-dark", "approval-phone"];
const maxBytes = 1_000_000;

mkdirSync(to, { recursive: true });
for (const name of stills) copyFileSync(`${from}${name}.png`, `${to}${name}.png`);

// The test writes what `Frame` says.
const frames = JSON.parse(readFileSync(`${from}first-minute/frames.json`, "utf8")) as Frame[];
const shown = frames.flatMap(({ file, ms }) => [
  "-lossless",
  "-m",
  "4",
  "-d",
  String(ms),
  `${from}first-minute/${file}`,
]);
const film = `${to}first-minute.webp`;
execFileSync("img2webp", ["-loop", "0", "-min_size", ...shown, "-o", film], { stdio: "inherit" });
const { size } = statSync(film);
if (size > maxBytes) throw new Error(`${film} has ${size} bytes, more than the ${maxBytes} that a page may load.`);
