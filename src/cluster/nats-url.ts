import type { ConnectionOptions } from "@nats-io/transport-node";

const malformed =
  "NATS_URL must be the address of one server, such as nats://user:password@host:4222. Write special characters in user and password percent-encoded, as %23 for #.";

/**
 * What the client of NATS must be told of an address: it takes only host and port from one. Throws a sentence, in
 * which no part of the address stands.
 */
export function readNatsUrl(text: string): Pick<ConnectionOptions, "servers" | "user" | "pass" | "token" | "tls"> {
  const url = URL.parse(text);
  if (url === null || url.host === "" || url.host.includes(",")) throw new Error(malformed);
  const user = decoded(url.username);
  const pass = decoded(url.password);
  const nobody = user === "" && pass === "";
  return {
    servers: url.host,
    ...(nobody ? {} : pass === "" ? { token: user } : { user, pass }),
    // Without it the client would speak without TLS to a server that offers none.
    ...(url.protocol === "tls:" ? { tls: {} } : {}),
  };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    // Its cause would show the part.
    throw new Error(malformed);
  }
}
