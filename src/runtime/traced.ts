import { type Attributes, context, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { PaygentError } from "../protocol/errors.ts";
import type { PaymentTerms } from "../protocol/payment.ts";
import { Stopped } from "./stop.ts";

/**
 * Does `work` within a span, named and described by OpenTelemetry's conventions for generative AI. Costs next
 * to nothing while the process has registered no tracer. Neither arguments nor results stand in spans.
 */
export function traced<T>(
  name: string,
  attributes: Attributes,
  work: () => Promise<T>,
  kind: SpanKind = SpanKind.INTERNAL,
): Promise<T> {
  return trace.getTracer("paygent").startActiveSpan(name, { kind, attributes }, async (span) => {
    try {
      return await work();
    } catch (error) {
      const type =
        error instanceof PaygentError ? error.code : error instanceof Stopped ? error.reason.kind : "internal";
      span.setAttribute("error.type", type);
      span.setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      span.end();
    }
  });
}

/** A client's message or request, under which stands whatever it sets going in this process. */
export function tracedMessage<T>(name: string, sessionId: string | undefined, work: () => Promise<T>): Promise<T> {
  const attributes = sessionId === undefined ? {} : { "gen_ai.conversation.id": sessionId };
  return traced(name, attributes, work, SpanKind.SERVER);
}

/** One step of a model, by the name that the session's config has for it. */
export function tracedChat<T>(model: string, work: () => Promise<T>): Promise<T> {
  const [provider = model, ...id] = model.split("/");
  const attributes = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": provider,
    "gen_ai.request.model": id.join("/") || model,
  };
  return traced(`chat ${model}`, attributes, work, SpanKind.CLIENT);
}

/** One step of a payment. */
export function tracedStep<T>(
  step: "sign" | "send" | "look" | "void",
  { kind = "service", network }: PaymentTerms,
  work: () => Promise<T>,
): Promise<T> {
  const attributes = { "paygent.payment.kind": kind, "paygent.payment.network": network };
  return traced(`payment ${step}`, attributes, work, SpanKind.CLIENT);
}

/** Does `work` outside of the span that led to it: what it starts belongs to somebody else. */
export function untraced<T>(work: () => T): T {
  return context.with(ROOT_CONTEXT, work);
}
