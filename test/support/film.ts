import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";

/** One picture of a film, and for how long it is shown. */
export interface Frame {
  readonly file: string;
  readonly ms: number;
}

export interface Film {
  /** Shows the page as it is now for long enough to be read. */
  hold(ms?: number): Promise<void>;
  /** Ends it and writes what was filmed, with `frames.json`, into `artifacts/<name>/`. */
  end(): Promise<void>;
}

interface Shot {
  readonly png: Buffer;
  readonly at: number;
  /** Set on pictures that are held; the others last until the next one. */
  readonly holdMs?: number;
}

const shortestMs = 60;
/** What takes longer is waiting, and is told in this time. */
const longestMs = 400;
const readingMs = 1600;

/** Films what a page shows, as often as it changes. */
export async function startFilm(page: Page, name: string): Promise<Film> {
  const devtools = await page.context().newCDPSession(page);
  const shots: Shot[] = [];
  devtools.on("Page.screencastFrame", ({ data, sessionId }) => {
    shots.push({ png: Buffer.from(data, "base64"), at: performance.now() });
    // It may be over by then.
    devtools.send("Page.screencastFrameAck", { sessionId }).catch(() => undefined);
  });
  await devtools.send("Page.startScreencast", { format: "png" });
  return {
    async hold(holdMs = readingMs) {
      shots.push({ png: await page.screenshot({ animations: "disabled" }), at: performance.now(), holdMs });
    },
    async end() {
      await devtools.send("Page.stopScreencast");
      await devtools.detach();
      keep(shots, fileURLToPath(new URL(`../../artifacts/${name}/`, import.meta.url)));
    },
  };
}

function keep(shots: readonly Shot[], folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const frames = shots.map(({ png, at, holdMs }, index): Frame => {
    const file = `${String(index).padStart(3, "0")}.png`;
    writeFileSync(`${folder}${file}`, png);
    const lasted = (shots[index + 1]?.at ?? at) - at;
    return { file, ms: Math.round(holdMs ?? Math.min(longestMs, Math.max(shortestMs, lasted))) };
  });
  writeFileSync(`${folder}frames.json`, JSON.stringify(frames));
}
