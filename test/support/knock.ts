import { connect, type Socket } from "node:net";
import { type RawAnswer, readHead, upgradeRequest } from "./raw-http.ts";
import type { ServerCalls } from "./server-calls.ts";

/** The answer to a request for a socket, and the connection, open when the answer is 101. */
export interface Knock extends RawAnswer {
  readonly socket: Socket;
}

/** Asks for a socket on a session, from one of the machine's own addresses. */
export async function knock(
  server: ServerCalls & { readonly url: string },
  sessionId: string,
  { userId = "alice", token = undefined as string | undefined, from = "127.0.0.1" } = {},
): Promise<Knock> {
  const Authorization = `Bearer ${token ?? (await server.token(userId))}`;
  const socket = connect({ port: Number(new URL(server.url).port), host: "127.0.0.1", localAddress: from });
  socket.on("error", () => undefined);
  socket.write(upgradeRequest(`/api/v1/ws?session_id=${sessionId}`, { Authorization }));
  const { answer } = await readHead(socket);
  return { ...answer, socket };
}
