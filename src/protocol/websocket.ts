/** Where a server takes WebSockets, one for each session that is watched. */
export const webSocketPath = "/api/v1/ws";

/** The subprotocol that is spoken, and the only one that a server ever echoes. */
export const subprotocol = "paygent.v1";

/** In front of a token that stands among the offered subprotocols. */
export const bearerSubprotocol = "paygent.bearer.";

/** The largest message of a client, and the largest body of an HTTP request. */
export const maxMessageBytes = 64 * 1024;
