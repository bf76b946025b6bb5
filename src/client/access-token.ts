import { PaygentError } from "../protocol/errors.ts";

/** An access token, or a function that gives a valid one each time it is asked. */
export type TokenSource = string | (() => string | Promise<string>);

/**
 * Asks a source for its token. A token must be usable as a WebSocket subprotocol and an HTTP header
 * (every JWT is); the check is here because a browser's own error would quote the token.
 */
export async function readToken(source: TokenSource): Promise<string> {
  const token = typeof source === "function" ? await source() : source;
  if (!/^[\w.~+-]+$/.test(token)) {
    throw new PaygentError(
      "unauthenticated",
      token === ""
        ? "The access token is empty; give the one that the server printed at its start, or a JWT."
        : "The access token has characters that no token of this server has; copy it again without spaces or quotes.",
    );
  }
  return token;
}
