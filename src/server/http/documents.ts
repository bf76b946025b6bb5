import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { FastifyInstance } from "fastify";
import { asyncApiDocument } from "../asyncapi.ts";
import { openApiDocument } from "../openapi.ts";

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Paygent API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;

/** Without `validatorUrl: null` the page would send the document's address to a third party. */
const start = `SwaggerUIBundle({ url: "/openapi.json", dom_id: "#swagger-ui", validatorUrl: null });\n`;

/** Scripts and styles come from this server only; `data:` is where Swagger UI keeps its icons. */
const contentSecurityPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const files = {
  "swagger-ui.css": "text/css; charset=utf-8",
  "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
} as const;

/** Serves /openapi.json, /asyncapi.json and, at /docs, a page that shows the former without any third-party request. */
export function serveDocuments(app: FastifyInstance): void {
  const documents = { "/openapi.json": lazily(openApiDocument), "/asyncapi.json": lazily(asyncApiDocument) };
  for (const [path, text] of Object.entries(documents)) {
    app.get(path, async (_request, reply) => reply.type("application/json").send(text()));
  }

  const folder = dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));
  for (const path of ["/docs", "/docs/"]) {
    app.get(path, async (_request, reply) =>
      reply.header("content-security-policy", contentSecurityPolicy).type("text/html; charset=utf-8").send(page),
    );
  }
  app.get("/docs/start.js", async (_request, reply) => reply.type("text/javascript; charset=utf-8").send(start));
  for (const [name, contentType] of Object.entries(files)) {
    app.get(`/docs/${name}`, async (_request, reply) =>
      reply
        .header("cache-control", "public, max-age=3600")
        .type(contentType)
        .send(await readFile(join(folder, name))),
    );
  }
}

/** The documents are made when first asked for, so that a server starts without them. */
function lazily(make: () => unknown): () => string {
  let text: string | undefined;
  return () => {
    text ??= JSON.stringify(make());
    return text;
  };
}
