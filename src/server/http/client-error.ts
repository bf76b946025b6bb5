import type { Socket } from "node:net";
import { problemOf } from "../problem.ts";

/** Answers what was never a whole HTTP request, and closes its socket. */
export function answerClientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || socket.destroyed) return;
  const problem = problemOfClientError(error.code);
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${problem.status} ${problem.title}`,
    "Content-Type: application/problem+json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
  ];
  if (socket.writable) socket.write(`${head.join("\r\n")}\r\n\r\n${body}`);
  socket.destroySoon();
}

function problemOfClientError(code: string | undefined) {
  if (code === "HPE_HEADER_OVERFLOW") {
    return problemOf(431, "invalid_message", "The headers are larger than 16 KiB; send less.");
  }
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") {
    return problemOf(408, "timeout", "The request took too long to arrive; send it faster.");
  }
  return problemOf(400, "invalid_message", "This is not a well-formed HTTP request.");
}
