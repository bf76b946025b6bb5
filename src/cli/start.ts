import { once } from "node:events";
import type { Command } from "commander";
import { subprotocol, webSocketPath } from "../protocol/websocket.ts";
import { exitCodes } from "./exit-codes.ts";
import { askPassphrase } from "./passphrase.ts";
import { jsonLine } from "./plain-text.ts";
import { countOption, dataDirOf, type Env } from "./server-access.ts";
import { StopRequest } from "./stop-request.ts";
import { fields } from "./table.ts";
import type { Colors, Terminal } from "./terminal.ts";

/** What the command line says; anything not given comes from the environment. */
export interface StartOptions {
  readonly port?: number;
  readonly host?: string;
  readonly dataDir?: string;
  readonly live?: boolean;
}

export interface RunningServer {
  readonly url: string;
  /** The token of local mode; absent when tokens come from elsewhere. */
  readonly accessToken?: string | undefined;
  /** Stops taking work, hands over what runs, closes the sockets with 1001. */
  close(): Promise<void>;
}

/** `askPassphrase` is asked when the settings have none for a keystore. */
export type StartServer = (
  options: StartOptions,
  parts: { askPassphrase?(keystorePath: string): Promise<string> },
) => Promise<RunningServer>;

export function addStart(
  program: Command,
  env: Env,
  startServer: StartServer,
  terminal: Terminal,
  exit: (code: number) => void,
): void {
  program
    .command("start")
    .description("start the server and its console")
    .option("-p, --port <port>", "the port to listen on (PORT; default 8000)", countOption)
    .option("--host <host>", "the address to listen on (HOST; default 127.0.0.1)")
    .option("--data-dir <folder>", "where the state is kept (PAYGENT_DATA_DIR; default ./data)")
    .option("--live", "allow payments on the network of PAYGENT_CHAIN, with real money")
    .option("--json", "print the address as JSON instead of the banner")
    .action(async (options: StartOptions & { json?: boolean }) => {
      const { json, ...startOptions } = options;
      const { signal } = new StopRequest(terminal, "Stopped at once; what was running is taken up at the next start.");
      const parts = terminal.isInteractive ? { askPassphrase: (path: string) => askPassphrase(path, terminal) } : {};
      const server = await startServer(startOptions, parts);
      const dataDir = options.dataDir ?? dataDirOf(env);
      if (json) terminal.print(jsonLine({ url: server.url, console_url: consoleUrl(server), data_dir: dataDir }));
      else for (const line of banner(server, dataDir, terminal.colors)) terminal.print(line);
      if (!signal.aborted) await once(signal, "abort");
      terminal.note("Stopping; once more to stop at once.");
      await server.close();
      exit(exitCodes.success);
    });
}

/** In the fragment, which a browser sends to nobody. */
function consoleUrl({ url, accessToken }: RunningServer): string {
  return accessToken === undefined ? `${url}/` : `${url}/#token=${encodeURIComponent(accessToken)}`;
}

export function banner(server: RunningServer, dataDir: string, colors: Colors): string[] {
  const { url, accessToken } = server;
  const token = accessToken === undefined ? "$PAYGENT_TOKEN" : `$(cat ${shellWord(`${dataDir}/access-token`)})`;
  const header = `-H "Authorization: Bearer ${token}"`;
  const settings = [
    ...(url === "http://127.0.0.1:8000" ? [] : [`PAYGENT_URL=${url}`]),
    ...(dataDir === "data" || dataDir === "./data" ? [] : [`PAYGENT_DATA_DIR=${shellWord(dataDir)}`]),
  ];
  const run = [...settings, 'npx paygent run "pay 0.10 USDC to market-data"'].join(" ");
  return [
    "",
    `  ${colors.bold(colors.green("Paygent"))} listens at ${colors.bold(url)}`,
    "",
    ...fields(
      [
        ["console", consoleUrl(server)],
        ["data", dataDir],
      ],
      colors,
    ).map((line) => `  ${line}`),
    "",
    `  ${colors.dim("# give the agent a command")}`,
    `  ${run}`,
    `  ${colors.dim("# create a session, then watch it by hand")}`,
    `  curl -sX POST ${header} -H "Content-Type: application/json" -d '{}' ${url}/api/v1/sessions`,
    `  npx wscat -s ${subprotocol} ${header} -c "${url.replace(/^http/, "ws")}${webSocketPath}?session_id=SESSION_ID"`,
    "",
  ];
}

function shellWord(text: string): string {
  return /^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
