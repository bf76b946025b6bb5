import type { PaymentInfo, PaymentMoment, PaymentState } from "../../protocol/payment-info.ts";

/** What a state means to whoever pays (docs/payments.md). */
export const stateWords: Readonly<Record<PaymentState, string>> = {
  quoted: "A person is asked. Nothing is signed; the amount is set aside.",
  reserved: "It may be paid. Nothing is signed; the amount is set aside.",
  signed: "It is signed and was not sent yet; the amount is set aside.",
  sent: "It is signed and on its way: the money may move at any moment.",
  unknown: "The chain has not said yet whether the money moved. The amount stays set aside and is not paid again.",
  settled: "The chain shows the transfer: the money has moved, once.",
  cancelled: "No money moved, and none can. What was set aside came back.",
  expired: "Its time was over before it was paid. No money moved, and none can; what was set aside came back.",
};

const momentWords: Readonly<Record<PaymentMoment["state"], string>> = {
  quoted: "Price asked and frozen",
  reserved: "Allowed, amount set aside",
  signed: "Signed",
  sent: "Sent",
  unknown: "Given up; the chain is asked",
  settled: "Settled on the chain",
  cancelled: "Cancelled",
  expired: "Expired",
  delivered: "Content delivered",
  missing: "Nothing delivered for it",
};

export function momentWord(state: PaymentMoment["state"]): string {
  return momentWords[state];
}

const looks: Readonly<Record<PaymentState, string>> = {
  quoted: "text-warn",
  reserved: "text-warn",
  signed: "text-warn",
  sent: "text-warn",
  unknown: "text-bad",
  settled: "text-good",
  cancelled: "text-soft",
  expired: "text-soft",
};

/** A payment's state in a word, with what became of what was bought; the colour only repeats it. */
export function PaymentStateWord({ payment }: { readonly payment: Pick<PaymentInfo, "state" | "content"> }) {
  return (
    <span className={`font-medium ${looks[payment.state]}`}>
      {payment.state}
      {payment.content === "missing" ? <span className="text-bad">, nothing delivered</span> : null}
    </span>
  );
}

/** Whether anything can still become of it. */
export function isOpen(state: PaymentState): boolean {
  return state !== "settled" && state !== "cancelled" && state !== "expired";
}
