import { expect } from "vitest";
import { keepPicture } from "../support/browser.ts";
import { browserTest } from "../support/browser-test.ts";
import { button } from "../support/console-page.ts";
import { accessibilityProblems } from "../support/page-checks.ts";

browserTest("without a token the page says where to get one", async ({ startConsole }) => {
  const { open } = await startConsole();
  const { page } = await open();
  await button(page, "Sign out").click();

  await page.getByText("This tab has no access token.").waitFor();
  expect(await accessibilityProblems(page)).toEqual([]);
});

browserTest(
  "a wrong token is refused in words on every screen, with a way to give another",
  async ({ startConsole }) => {
    const { server, open } = await startConsole();
    const { id } = await server.createSession();
    const paths = ["/", `/sessions/${id}`, "/inbox", "/sessions", "/payments", "/services"];
    for (const path of paths) {
      const { page } = await open();
      await button(page, "Sign out").click();
      await page.goto(`${server.url}/#${path}`);
      await page.getByRole("textbox", { name: "Access token" }).fill("wrong");
      await button(page, "Sign in").click();

      await page
        .getByText(/The access token is missing, wrong or expired/)
        .first()
        .waitFor();
      if (path === "/inbox") await keepPicture(page, "wrong-token");
      await button(page, "Use another token").first().click();
      await page.getByRole("textbox", { name: "Access token" }).fill(await server.token());
      await button(page, "Sign in").click();
      await page.getByText("The access token is missing").waitFor({ state: "detached" });
    }
  },
);

browserTest("a session that is not there, or somebody else's, is refused in words", async ({ startConsole }) => {
  const { server, open } = await startConsole();
  const { id } = await server.createSession({}, "bob");
  const { page } = await open(`/sessions/${id}`);

  await page.getByText(/There is no such session for this user/).waitFor();
  expect(await page.getByRole("textbox", { name: "Command" }).count()).toBe(0);
});

browserTest("a token that is followed as a link signs in, and stands nowhere afterwards", async ({ startConsole }) => {
  const { server, open } = await startConsole();
  const { page } = await open();
  await button(page, "Sign out").click();
  await page.goto(`${server.url}/#token=${await server.token()}`);

  await page.getByText("What should the agent do?").waitFor();
  expect(page.url()).not.toContain("token");
});
