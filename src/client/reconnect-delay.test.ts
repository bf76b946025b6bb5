import { expect, test } from "vitest";
import { defaultReconnect, reconnectDelayMs } from "./reconnect-delay.ts";

test("the wait is anywhere between nothing and a bound that doubles from 250 ms to 10 s", () => {
  const longest = [0, 1, 2, 5, 6, 60].map((attempt) => reconnectDelayMs(attempt, defaultReconnect, 0.999999));

  expect(longest).toEqual([249, 499, 999, 7999, 9999, 9999]);
  expect(reconnectDelayMs(60, defaultReconnect, 0)).toBe(0);
});
