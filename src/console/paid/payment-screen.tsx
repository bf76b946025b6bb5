import { type ReactNode, useCallback, useEffect } from "react";
import { Link } from "wouter";
import type { PaymentDetail } from "../../protocol/payment-info.ts";
import { usePaygent } from "../../react/index.ts";
import { dateAndTime, duration, timeOfDay } from "../format.ts";
import { CopyButton } from "../parts/copy-button.tsx";
import { Loading } from "../parts/loading.tsx";
import { Screen } from "../parts/screen.tsx";
import { plainText } from "../plain-text.ts";
import { useLoaded } from "../use-loaded.ts";
import { isOpen, momentWord, PaymentStateWord, stateWords } from "./payment-words.tsx";

/** How often a payment without an end is asked for again. */
const refreshMs = 2000;

/** One payment: its terms, what happened when, and the proof. */
export function PaymentScreen({ paymentId }: { readonly paymentId: string }) {
  const client = usePaygent();
  const [payment, again] = useLoaded(useCallback(() => client.payments.get(paymentId), [client, paymentId]));
  const mayChange = payment.state === "ready" && isOpen(payment.value.state);
  useEffect(() => {
    if (!mayChange) return;
    const timer = setInterval(again, refreshMs);
    return () => clearInterval(timer);
  }, [mayChange, again]);
  return (
    <Screen
      title="Payment"
      actions={
        <Link href="/payments" className="text-accent text-xs underline">
          All payments
        </Link>
      }
    >
      <Loading of={payment} again={again}>
        {(value) => <Payment payment={value} />}
      </Loading>
    </Screen>
  );
}

function Payment({ payment }: { readonly payment: PaymentDetail }) {
  const { terms, receipt } = payment;
  return (
    <div className="grid gap-6 lg:grid-cols-[minmax(0,1fr)_20rem]">
      <div className="grid content-start gap-6">
        <section aria-label="State">
          <p className="text-lg">
            <strong className="font-semibold tabular-nums">
              {payment.amount} {plainText(payment.currency)}
            </strong>{" "}
            to <strong className="font-semibold">{plainText(payment.payee)}</strong>
          </p>
          <p role="status">
            <PaymentStateWord payment={payment} />. {stateWords[payment.state]}
          </p>
          {payment.content === "missing" ? (
            <p>The money was taken and nothing usable came. It is not paid a second time unless a person says so.</p>
          ) : null}
        </section>
        <Facts label="Terms">
          <Fact name="Paid for">{kinds[terms.kind]}</Fact>
          {terms.url === undefined ? null : (
            <Fact name="Address">
              <Code>
                {terms.method} {terms.url}
              </Code>
            </Fact>
          )}
          {terms.description === undefined ? null : <Fact name="The service says">{plainText(terms.description)}</Fact>}
          <Fact name="Payee's address">
            <Code copy="the payee's address">{payment.pay_to}</Code>
          </Fact>
          <Fact name="Network">{plainText(payment.network)}</Fact>
          <Fact name="Asset">
            <Code>{payment.asset}</Code>
          </Fact>
          <Fact name="From budgets">{payment.usd} USD</Fact>
          <Fact name="Tool">{plainText(payment.tool_name)}</Fact>
          <Fact name="Session">
            <Link href={`/sessions/${payment.session_id}`} className="text-accent underline">
              {payment.session_id}
            </Link>
          </Fact>
          {payment.repeats === undefined ? null : (
            <Fact name="Repeats">
              <Link href={`/payments/${payment.repeats}`} className="text-accent underline">
                the payment that brought nothing
              </Link>
            </Fact>
          )}
        </Facts>
        {receipt === undefined ? null : (
          <Facts label="Receipt">
            <Fact name="Transaction">
              <Code copy="the transaction">{receipt.tx_hash}</Code>
            </Fact>
            <Fact name="Block">{plainText(receipt.block)}</Fact>
            <Fact name="Payer">
              <Code>{receipt.payer}</Code>
            </Fact>
            <Fact name="Payee">
              <Code>{receipt.payee}</Code>
            </Fact>
            <Fact name="Amount">
              {receipt.amount} {plainText(receipt.currency)} on {plainText(receipt.network)}
            </Fact>
            <Fact name="Nonce">
              <Code>{receipt.nonce}</Code>
            </Fact>
          </Facts>
        )}
      </div>
      <Timeline timeline={payment.timeline} />
    </div>
  );
}

const kinds = {
  service: "a service of the catalogue",
  page: "a page of the web",
  transfer: "nothing but the transfer itself",
} as const satisfies Record<PaymentDetail["terms"]["kind"], string>;

function Timeline({ timeline }: { readonly timeline: PaymentDetail["timeline"] }) {
  return (
    <section aria-label="Timeline">
      <h2 className="mb-2 font-semibold text-base">What happened when</h2>
      <ol className="border-line border-l pl-4">
        {timeline.map(({ state, at }, index) => {
          const before = timeline[index - 1]?.at;
          const isBad = state === "missing" || state === "unknown";
          return (
            <li key={state} className="relative pb-3 last:pb-0">
              <span
                aria-hidden="true"
                className={`absolute top-1.5 -left-[21px] size-2.5 rounded-full ${isBad ? "bg-bad" : "bg-accent"}`}
              />
              <p className="font-medium">{momentWord(state)}</p>
              <p className="text-soft text-xs tabular-nums">
                <time dateTime={at}>{before === undefined ? dateAndTime(at) : timeOfDay(at)}</time>
                {before === undefined ? "" : `, ${duration(Date.parse(at) - Date.parse(before))} later`}
              </p>
            </li>
          );
        })}
      </ol>
    </section>
  );
}

function Facts({ label, children }: { readonly label: string; readonly children: ReactNode }) {
  return (
    <section aria-label={label}>
      <h2 className="mb-2 font-semibold text-base">{label}</h2>
      <dl className="grid gap-x-4 gap-y-1 sm:grid-cols-[9rem_1fr]">{children}</dl>
    </section>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div className="sm:contents">
      <dt className="text-soft text-xs sm:text-sm">{name}</dt>
      <dd className="min-w-0">{children}</dd>
    </div>
  );
}

function Code({ copy, children }: { readonly copy?: string; readonly children: ReactNode }) {
  const text = [children].flat().join("");
  return (
    <span className="flex flex-wrap items-center gap-2">
      <code className="break-all font-mono text-[13px]">{plainText(text)}</code>
      {copy === undefined ? null : <CopyButton what={copy} text={text} />}
    </span>
  );
}
