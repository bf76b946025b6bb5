import type { Command } from "commander";
import { UsageError } from "./exit-codes.ts";
import { jsonLine, plainText } from "./plain-text.ts";
import { clientOf, type Env, type ServerOptions, withServerOptions } from "./server-access.ts";
import type { Terminal } from "./terminal.ts";

interface RevokeOptions extends ServerOptions {
  readonly user?: string;
  readonly tokenId?: string;
}

export function addRevoke(program: Command, env: Env, terminal: Terminal): void {
  withServerOptions(program.command("revoke"))
    .description("end access tokens before they expire; needs a token with the scope admin")
    .option("--user <id>", "all tokens of this user that were issued before now")
    .option("--token-id <jti>", "the one token with this jti")
    .action(async (options: RevokeOptions) => {
      const { user, tokenId } = options;
      if ((user === undefined) === (tokenId === undefined)) throw new UsageError("Give --user or --token-id.");
      const target = user === undefined ? { token_id: tokenId } : { user_id: user };
      const revoked = await clientOf(options, env).tokens.revoke(target);
      if (options.json) return terminal.print(jsonLine(revoked));
      const what = user === undefined ? `token ${tokenId}` : `tokens of ${user} that were issued before`;
      terminal.print(plainText(`${what}: revoked at ${revoked.revoked_at} by ${revoked.by}`));
    });
}
