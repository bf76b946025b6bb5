import { expect } from "vitest";
import { keepPicture, openConsole } from "../support/browser.ts";
import { consoleTest } from "../support/browser-test.ts";
import { databaseForProcesses, startProcess } from "../support/server-process.ts";

consoleTest(
  "the first minute: an example, a question, a receipt, a killed server, and everything stands as it was",
  { timeout: 90_000 },
  async ({ browser }) => {
    const database = await databaseForProcesses();
    const server = await startProcess(database, "paygent");
    const { page, problems } = await openConsole(browser, { url: server.url, token: await server.token() });

    await expect.poll(() => page.evaluate("location.href")).toBe(`${server.url}/`);
    await keepPicture(page, "start");
    await page.getByRole("button", { name: "pay 25 USDC to premium-report" }).click();
    const card = page.getByRole("region", { name: "Approval of pay_service" });
    await card.getByText("25.00 USDC").waitFor();
    await card.getByText("to premium-report").waitFor();
    expect(await page.getByRole("meter", { name: "Budget" }).getAttribute("aria-valuetext")).toContain(
      "25.00 reserved",
    );
    await keepPicture(page, "approval-light");
    await page.emulateMedia({ colorScheme: "dark" });
    await keepPicture(page, "approval-dark");
    await page.setViewportSize({ width: 390, height: 844 });
    await keepPicture(page, "approval-phone");
    await page.emulateMedia({ colorScheme: "light" });
    await page.setViewportSize({ width: 1200, height: 800 });

    await card.getByRole("button", { name: "Approve", exact: true }).click();
    const receipt = page.getByRole("region", { name: "Receipt" });
    await receipt.getByText(/^Paid 25\.00 USDC to premium-report$/).waitFor();
    const transaction = await receipt.getByRole("code").textContent();
    expect(transaction).toMatch(/^0x[0-9a-f]{64}$/);
    await page.getByText("Done · 25.00 USD").waitFor();
    expect(await page.getByRole("meter", { name: "Budget" }).getAttribute("aria-valuenow")).toBe("25");
    await keepPicture(page, "receipt-light");
    const before = await page.getByRole("region", { name: "Timeline" }).textContent();

    await server.kill();
    await page.getByText("The server does not answer.").waitFor();
    await keepPicture(page, "reconnecting");
    await startProcess(database, "paygent", { PORT: new URL(server.url).port });
    await page.getByText("The server does not answer.").waitFor({ state: "detached" });

    expect(await page.getByRole("region", { name: "Timeline" }).textContent()).toBe(before);
    await page.getByRole("textbox", { name: "Command" }).fill("check balance");
    await page.getByRole("button", { name: "Run" }).click();
    await page.getByText(/The wallet holds \d+\.\d\d USDC; 25\.00 USD of this session's budget/).waitFor();
    await page.reload();
    await receipt.getByText(transaction ?? "").waitFor();
    expect(problems.filter((problem) => !problem.includes("ERR_CONNECTION_REFUSED"))).toEqual([]);
  },
);
