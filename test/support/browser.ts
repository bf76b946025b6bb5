import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

const root = fileURLToPath(new URL("../../", import.meta.url));
const executablePath = process.env.PAYGENT_CHROMIUM ?? "/usr/bin/chromium";

/** Whether there is a browser; tests that need one are skipped without it. */
export const hasChromium = existsSync(executablePath);
/** `npm test` runs the first minute; the others run by `npm run test:browser`. */
export const runsAll = hasChromium && process.env.PAYGENT_ALL_BROWSER_TESTS === "1";
if (!hasChromium) process.stderr.write(`Browser tests are skipped: there is no ${executablePath}.\n`);

/** Builds the console when its sources are newer than what is built, so that no test sees an old one. */
export async function buildConsole(): Promise<void> {
  const page = join(root, "dist/console/index.html");
  const builtAt = existsSync(page) ? statSync(page).mtimeMs : 0;
  const sources = ["src/console", "src/react", "src/client", "src/protocol"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()),
  );
  if (sources.every((file) => statSync(join(file.parentPath, file.name)).mtimeMs < builtAt)) return;
  // In a process of its own: here NODE_ENV is "test", which would build React for development.
  const vite = join(root, "node_modules/vite/bin/vite.js");
  const { NODE_ENV: _, ...env } = process.env;
  await promisify(execFile)(process.execPath, [vite, "build", "--logLevel", "warn"], { cwd: root, env });
}

export async function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** A page of the console, in a browser profile of its own. What goes wrong in it is gathered in `problems`. */
export interface ConsolePage {
  readonly page: Page;
  /** Uncaught errors, violations of the Content-Security-Policy, and requests to other servers. */
  readonly problems: readonly string[];
}

export async function openConsole(
  browser: Browser,
  { url, token }: { readonly url: string; readonly token: string },
  options: BrowserContextOptions = {},
): Promise<ConsolePage> {
  const context = await browser.newContext({ viewport: { width: 1200, height: 800 }, ...options });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (message.text().includes("Content Security Policy")) problems.push(message.text());
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(url)) problems.push(`request to ${request.url()}`);
  });
  await page.goto(`${url}/#token=${encodeURIComponent(token)}`);
  return { page, problems };
}

/** Keeps a picture among the artefacts of the run. */
export async function keepPicture(page: Page, name: string): Promise<void> {
  mkdirSync(join(root, "artifacts"), { recursive: true });
  await page.screenshot({ path: join(root, "artifacts", `${name}.png`), animations: "disabled" });
}
