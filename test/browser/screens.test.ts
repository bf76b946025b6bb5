import { expect } from "vitest";
import { keepPicture } from "../support/browser.ts";
import { browserTest } from "../support/browser-test.ts";
import { payNews, payReport } from "../support/console-page.ts";
import type { ConsoleWorld } from "../support/console-server.ts";
import { looks } from "../support/looks.ts";
import { accessibilityProblems, expectNoSidewaysScroll } from "../support/page-checks.ts";
import { execute } from "../support/test-server.ts";

/** A session with a finished execution and one that waits. */
async function useSession(server: ConsoleWorld["server"]): Promise<string> {
  const { id } = await server.createSession();
  await server.http("PATCH", `/sessions/${id}`, { body: { title: "Used" } });
  const client = await server.connect(id);
  await client.end(execute(client, `${payNews} && check_balance {}`));
  await client.first("approval_required", execute(client, payReport));
  return id;
}

browserTest.for(looks)(
  "every screen is accessible and fits: %s",
  { timeout: 90_000 },
  async ([look, options], { startConsole }) => {
    const { server, open } = await startConsole();
    const id = await useSession(server);
    const { page, problems } = await open("/", options);
    const found: string[] = [];
    for (const [path, sign] of screensOf(id)) {
      await page.goto(page.url().replace(/#.*/, "").concat(`#${path}`));
      await page.getByText(sign).first().waitFor();
      await expectNoSidewaysScroll(page);
      found.push(...(await accessibilityProblems(page)).map((problem) => `${path}: ${problem}`));
      await keepPicture(page, `${look.replaceAll(/\W+/g, "-")}${path.replace(id, "used").replaceAll("/", "-")}`);
    }

    expect(found).toEqual([]);
    expect(problems).toEqual([]);
  },
);

function screensOf(id: string): [string, string | RegExp][] {
  return [
    ["/", "What should the agent do?"],
    [`/sessions/${id}`, "expires in"],
    ["/inbox", "expires in"],
    ["/sessions", "Used"],
    [`/sessions/${id}/policy`, "Review and save…"],
    ["/services", "Sells news."],
    ["/spend", "Spent by day"],
    ["/payments", "2.00 USD settled"],
    ["/nowhere", "The address names no page"],
  ];
}
