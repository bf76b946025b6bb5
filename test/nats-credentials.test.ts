import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { pino } from "pino";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { startNats } from "./chaos/processes.ts";
import { certificates } from "./support/certificates.ts";
import { startTestServer } from "./support/test-server.ts";
import { isShared } from "./support/two-nodes.ts";

const pass = "p@ss/#word";
const token = "s3cr%t";
const open = isShared ? await startNats() : undefined;
const guarded = isShared ? await startNats(["--user", "bob", "--pass", pass]) : undefined;
const byToken = isShared ? await startNats(["--auth", token]) : undefined;
const canOwnNats = open !== undefined;

afterAll(() => Promise.all([open, guarded, byToken].map((nats) => nats?.stop())));

/** The address of a server, with what stands before the host. */
const addressOf = (nats: typeof open, userinfo: string) => nats?.url.replace("//", `//${userinfo}@`) ?? "";

/** Starts a server with that NATS_URL; gives what it says of its bus, or the error that ended the start, and its log. */
async function startWith(natsUrl: string) {
  const lines: string[] = [];
  const logger = pino({ level: "trace" }, { write: (line) => lines.push(line) });
  const outcome = await startTestServer({ env: { NATS_URL: natsUrl }, logger }).then(
    async (server) => {
      onTestFinished(() => server.remove());
      return (await fetch(`${server.url}/health/ready`)).json();
    },
    (error: unknown) => error,
  );
  return { outcome, log: lines.join("") };
}

test.skipIf(!canOwnNats).each([
  ["user and password", () => addressOf(guarded, `bob:${encodeURIComponent(pass)}`)],
  ["a token", () => addressOf(byToken, encodeURIComponent(token))],
])("with %s in NATS_URL hints go over the NATS server", async (_what, url) => {
  const { outcome, log } = await startWith(url());

  expect(outcome).toMatchObject({ checks: { bus: "ok" } });
  for (const secret of [pass, encodeURIComponent(pass), token, encodeURIComponent(token)])
    expect(log).not.toContain(secret);
});

test.skipIf(!canOwnNats).each([
  ["another password", () => addressOf(guarded, "bob:not-this-one")],
  ["another token", () => addressOf(byToken, "not-this-one")],
  ["no credentials", () => guarded?.url ?? ""],
])("with %s the start ends at once with a sentence that does not show them", async (_what, url) => {
  const { outcome, log } = await startWith(url());

  expect(String(outcome)).toContain("The NATS server at NATS_URL does not take the credentials in it. Correct them");
  expect(inspect(outcome, { depth: 10, showHidden: true }) + log).not.toContain("not-this-one");
});

test.skipIf(!canOwnNats)("tls:// is not spoken without TLS: where the server offers none the start ends", async () => {
  const { outcome } = await startWith(open?.url.replace("nats:", "tls:") ?? "");

  expect(String(outcome)).toContain("The NATS server at NATS_URL offers no TLS, which tls:// demands.");
});

test.skipIf(!canOwnNats)("a NATS server whose certificate nobody vouches for ends the start", async () => {
  const folder = mkdtempSync(join(tmpdir(), "paygent-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  writeFileSync(key, certificates.valid.key);
  writeFileSync(cert, certificates.valid.cert);
  const nats = await startNats(["--tls", "--tlskey", key, "--tlscert", cert]);
  onTestFinished(() => nats?.stop());

  const { outcome } = await startWith(nats?.url.replace("nats:", "tls:") ?? "");

  expect(String(outcome)).toContain("The NATS server at NATS_URL has a certificate that is not trusted");
});

test.skipIf(!isShared)("NATS_URL names one server, and a wrong one is not shown", async () => {
  const { outcome, log } = await startWith("nats://bob:not-this-one@one:4222,two:4222");

  expect(String(outcome)).toContain("NATS_URL must be the address of one server");
  expect(inspect(outcome, { depth: 10, showHidden: true }) + log).not.toContain("not-this-one");
});
