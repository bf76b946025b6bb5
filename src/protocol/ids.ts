import * as z from "zod";

/** The id of a session, execution, tool call, approval request or subagent: a UUID in lower case. */
export const Id = z.uuid().toLowerCase();
