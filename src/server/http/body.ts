import type { FastifyInstance } from "fastify";
import { PaygentError } from "../../protocol/errors.ts";
import { parseJson } from "../../protocol/json-text.ts";

/** Makes JSON the only content type, read as strictly as a WebSocket message. */
export function acceptJsonOnly(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, async (_request: unknown, body: Buffer) =>
    body.length === 0 ? undefined : parseJson(utf8(body)),
  );
}

function utf8(bytes: Buffer): string {
  try {
    // Keeping a BOM lets the JSON parser refuse it.
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new PaygentError("invalid_json", "The body is not valid UTF-8; send JSON in UTF-8.");
  }
}
