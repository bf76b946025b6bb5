import type { Page } from "playwright-core";
import { expect } from "vitest";

/** What axe finds against WCAG 2.2 AA, as sentences. */
export async function accessibilityProblems(page: Page): Promise<string[]> {
  // The page's own policy forbids script elements with code in them; this is evaluated from outside.
  await page.evaluate(await axeSource());
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: { run(options: object): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
    };
    const { violations } = await axe.run({
      runOnly: { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] },
    });
    return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
  });
}

async function axeSource(): Promise<string> {
  const { default: axe } = await import("axe-core");
  return axe.source;
}

/** That nothing scrolls sideways, neither the page nor a part of it; what is set as it was written may. */
export async function expectNoSidewaysScroll(page: Page): Promise<void> {
  const tooWide = await page.evaluate(`[...document.querySelectorAll("*")]
    .filter((element) => element.scrollWidth > element.clientWidth && element.tagName !== "PRE")
    .filter((element) => element === document.documentElement || /auto|scroll/.test(getComputedStyle(element).overflowX))
    .map((element) => element.outerHTML.slice(0, 200))`);
  expect(tooWide).toEqual([]);
}
