import { type Attributes, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { PaygentError } from "../protocol/errors.ts";
import { Stopped } from "./stop.ts";

/**
 * Does `work` within a span, named and described by OpenTelemetry's conventions for generative AI. Costs next
 * to nothing while the process has registered no tracer. Neither arguments nor results stand in spans.
 */
export function traced<T>(name: string, attributes: Attributes, work: () => Promise<T>): Promise<T> {
  return trace.getTracer("paygent").startActiveSpan(name, { kind: SpanKind.INTERNAL, attributes }, async (span) => {
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
