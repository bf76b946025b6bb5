import picocolors from "picocolors";
import { expect, test } from "vitest";
import type { DurableEventData, DurableEventType, ServerEvent } from "../protocol/events.ts";
import { durationText, renderEvent } from "./render.ts";

const style = { colors: picocolors.createColors(false), columns: 80 };
const ids = {
  session_id: "3f0c5a52-8b3a-4a77-9a53-0f1f4f3b7a10",
  execution_id: "0c1f6f0e-27a4-4d3a-8b80-5d2c5d6a7e01",
};
const tool_id = "c2b9e3a5-2a52-4f0e-9d6a-0a4d9f3e2c03";
const request_id = "b1b9e3a5-2a52-4f0e-9d6a-0a4d9f3e2c02";

function event<Type extends DurableEventType>(
  type: Type,
  data: Omit<DurableEventData[Type], "session_id" | "execution_id">,
): ServerEvent {
  // The pair of a type and its data is one of the union's members.
  return { type, data: { ...ids, ...data }, timestamp: "2026-11-23T12:00:01.250Z", seq: 1 } as unknown as ServerEvent;
}

const approval = event("approval_required", {
  request_id,
  tool_id,
  tool_name: "pay_service",
  tool_args: { service: "premium-report" },
  reason: "25.00 USD is above the threshold of 10 USD.",
  rule: "approval_threshold_usd",
  policy_version: 1,
  fee: "0.00",
  amount: "25.00",
  currency: "USDC",
  estimated_cost: "25.00",
  payee: "premium-report",
  network: "eip155:31337",
  expires_at: "2026-11-23T13:00:01.250Z",
  budget: { limit: "50.00", spent: "0.00", reserved: "25.00", remaining_before: "50.00", remaining_after: "25.00" },
});

test("a tool call stands on one line with its arguments", () => {
  const call = event("tool_call", {
    step: 1,
    tool_id,
    tool_name: "pay_service",
    tool_args: { service: "news", max: 2 },
  });

  expect(renderEvent(call, style)).toEqual(["→ call      pay_service service=news max=2"]);
});

test("a long line is cut to the screen", () => {
  const call = event("tool_call", { step: 1, tool_id, tool_name: "fetch_url", tool_args: { url: "x".repeat(200) } });

  const [line = ""] = renderEvent(call, style);

  expect(line).toHaveLength(80);
  expect(line.endsWith("…")).toBe(true);
});

test("an approval shows everything that a person decides on", () => {
  expect(renderEvent(approval, style)).toEqual([
    "? approval  pay_service 25.00 USDC to premium-report",
    "            reason    25.00 USD is above the threshold of 10 USD.",
    "            cost      25.00 USD, leaves 25.00 of 50.00",
    "            network   eip155:31337",
    "            expires   2026-11-23T13:00:01.250Z",
    "            arguments {",
    '                        "service": "premium-report"',
    "                      }",
    `            id        ${request_id}`,
  ]);
});

test("a result tells the cost, the transaction and the time", () => {
  const result = event("tool_result", {
    tool_id,
    tool_name: "pay_service",
    result: { price: 1 },
    success: true,
    duration_ms: 1234,
    cost: { amount: "0.10", currency: "USDC", usd: "0.10", tx_hash: `0x${"ab".repeat(32)}` },
  });

  expect(renderEvent(result, style)).toEqual([
    "✓ result    pay_service 0.10 USDC, tx 0xabababababa…, 1.2 s",
    '            {"price":1}',
  ]);
});

test("a failed call tells why", () => {
  const result = event("tool_result", {
    tool_id,
    tool_name: "transfer",
    result: null,
    success: false,
    error: { code: "policy_denied", message: "transfer is not allowed in this session." },
    duration_ms: 3,
  });

  expect(renderEvent(result, style)).toEqual([
    "✗ result    transfer 3 ms",
    "            transfer is not allowed in this session.",
  ]);
});

test("the end of an execution tells what it cost and said", () => {
  const complete = event("complete", {
    result: { text: "One.\nTwo." },
    success: true,
    total_cost: "0.10 USD",
    duration_ms: 90_000,
    tool_calls: [],
  });

  expect(renderEvent(complete, style)).toEqual([
    "✓ done      0.10 USD 1 min 30 s",
    "            One.",
    "            Two.",
  ]);
});

test("text that was streamed is not shown again", () => {
  const complete = event("complete", {
    result: { text: "One." },
    success: true,
    total_cost: "0.00 USD",
    duration_ms: 1,
    tool_calls: [],
    message_id: tool_id,
  });

  expect(renderEvent(complete, { ...style, streamed: new Set([tool_id]) })).toEqual(["✓ done      0.00 USD 1 ms"]);
});

test("with the time of day the columns stay aligned", () => {
  const cancelled = event("cancelled", { message: "Cancelled.", by: "alice", in_flight: [], released_usd: "2.00" });

  expect(renderEvent(cancelled, { ...style, hasTime: true })).toEqual([
    "12:00:01  ■ cancelled by alice",
    "                      2.00 USD released",
  ]);
});

test("control and bidi characters of others never reach the screen", () => {
  const hostile = "\u001b[2J\u001b]0;title\u0007safe\u202Eesrever\r\n\u009b31mnext\u200b";
  const events = [
    event("execution_started", { command: hostile, budget_limit_usd: null, queued: false, by: "alice" }),
    event("tool_call", { step: 1, tool_id, tool_name: hostile, tool_args: { [hostile]: hostile } }),
    event("rejected", { request_id, tool_id, decision: "rejected", decided_by: hostile, reason: hostile }),
    event("error", { code: "tool_failed", message: hostile, fatal: true }),
    event("plan", { steps: [{ title: hostile, status: "done" }] }),
    event("complete", {
      result: { text: hostile },
      success: true,
      total_cost: hostile,
      duration_ms: 1,
      tool_calls: [],
    }),
  ];

  for (const line of events.flatMap((one) => renderEvent(one, style))) expect(line).not.toMatch(/[\p{Cc}\p{Cf}]/u);
});

test("hidden characters in the arguments of an approval are shown as escapes", () => {
  const hidden = { ...approval.data, tool_args: { service: "news\u200b\u202e" } };

  const lines = renderEvent({ ...approval, data: hidden } as ServerEvent, style);

  expect(lines.join("\n")).toContain(String.raw`"service": "news\u200b\u202e"`);
});

test("durations are told in the unit that fits", () => {
  expect([0, 999, 1000, 59_940, 61_000].map(durationText)).toEqual(["0 ms", "999 ms", "1.0 s", "59.9 s", "1 min 1 s"]);
});
