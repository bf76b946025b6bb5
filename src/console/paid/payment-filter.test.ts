import { expect, test } from "vitest";
import { filterOf, paymentsPath, wishesOf } from "./payment-filter.ts";

test("a filter comes back out of its address as it went in", () => {
  const wishes = { session: "", state: "settled", payee: "a/b ?&=#%~+é", from: "2026-01-31", to: "" };
  const path = paymentsPath(wishes);

  expect(path).toMatch(/^\/payments\/where\/[^?#%/]+$/);
  expect(wishesOf(path.replace("/payments/where/", ""))).toEqual(wishes);
  expect(paymentsPath({ payee: "" })).toBe("/payments");
  expect(wishesOf(undefined)).toEqual({ session: "", state: "", payee: "", from: "", to: "" });
});

test("the last day belongs to the period, and what is no day or state does not count", () => {
  const wishes = { session: "s", state: "paid", payee: " news ", from: "2026-02-28", to: "2026-02-28" };

  expect(filterOf(wishes)).toEqual({
    session_id: "s",
    payee: "news",
    from: "2026-02-28T00:00:00.000Z",
    to: "2026-03-01T00:00:00.000Z",
  });
  expect(filterOf({ ...wishes, from: "soon", to: "" })).toEqual({ session_id: "s", payee: "news" });
});
