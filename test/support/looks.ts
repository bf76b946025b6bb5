import type { Page } from "playwright-core";
import { keepPicture } from "./browser.ts";
import { accessibilityProblems, expectNoSidewaysScroll } from "./page-checks.ts";

export const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true } as const;

/** How a screen is looked at: the options of a browser's context by what they are called. */
export const looks = [
  ["light, on a desk", {}],
  ["dark, on a desk", { colorScheme: "dark" }],
  ["light, on a phone", phone],
  ["dark, on a phone", { ...phone, colorScheme: "dark" }],
] as const;

/** Keeps a picture of what is shown, and gives what is wrong with it for those who see, hear or touch it. */
export async function flaws(page: Page, name: string, look: string): Promise<string[]> {
  await keepPicture(page, `${name}-${look.replaceAll(/\W+/g, "-")}`);
  await expectNoSidewaysScroll(page);
  return (await accessibilityProblems(page)).map((problem) => `${name}: ${problem}`);
}
