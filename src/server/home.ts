import type { FastifyInstance } from "fastify";

const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Paygent</title>
<h1>Paygent is running</h1>
<p>Drive it from a terminal: <code>npx paygent run "pay 25 USDC to premium-report"</code></p>
<ul>
<li><a href="/docs">HTTP API</a>, from <a href="/openapi.json">openapi.json</a></li>
<li>WebSocket protocol: <a href="/asyncapi.json">asyncapi.json</a></li>
<li><a href="/health/ready">Health</a></li>
</ul>
</html>
`;

/** What stands at the server's address in a browser. */
export function serveHome(app: FastifyInstance): void {
  app.get("/", (_request, reply) => reply.type("text/html; charset=utf-8").send(page));
}
