import { readdir, readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { FastifyInstance } from "fastify";
import { problemOf } from "../problem.ts";

/** Where `npm run build` puts the console: the same folder seen from `src/` and from `dist/`. */
export const builtConsole = fileURLToPath(new URL("../../../dist/console/", import.meta.url));

/**
 * Everything comes from this server and nothing runs or is styled from within the page. `'self'` in `connect-src`
 * is also the WebSocket of the same origin (CSP 3); `data:` is the page's icon.
 */
const contentSecurityPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const contentTypes: Readonly<Record<string, string>> = {
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
};

const notBuilt = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Paygent</title>
<h1>Paygent is running</h1>
<p>The console is not built. Run <code>npm run build</code> in Paygent's folder and load this page again.</p>
<p>Or use a terminal: <code>npx paygent run "pay 25 USDC to premium-report"</code></p>
</html>
`;

/** Serves the console that stands in `folder`; without one, a page that says how to build it. */
export function serveConsole(app: FastifyInstance, folder: string): void {
  app.get("/", async (_request, reply) => {
    const page = await readFile(join(folder, "index.html"), "utf8").catch(() => notBuilt);
    return reply.header("content-security-policy", contentSecurityPolicy).type("text/html; charset=utf-8").send(page);
  });
  app.get<{ Params: { name: string } }>("/assets/:name", async ({ params: { name } }, reply) => {
    const contentType = contentTypes[extname(name)];
    // The name is one of those in the folder, so it leads nowhere else.
    const names = await readdir(join(folder, "assets")).catch((): string[] => []);
    if (contentType === undefined || !names.includes(name)) {
      const body = problemOf(404, "not_found", "There is no such file; load the page at / again.");
      return reply.status(404).type("application/problem+json").send(JSON.stringify(body));
    }
    return (
      reply
        // The name has the content's hash in it.
        .header("cache-control", "public, max-age=31536000, immutable")
        .type(contentType)
        .send(await readFile(join(folder, "assets", name)))
    );
  });
}
