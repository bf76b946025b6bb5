import * as z from "zod";

/** What a credential allows; `admin` stands for all. */
export const Scope = z.enum(["execute", "approve", "read", "admin"]);
export type Scope = z.infer<typeof Scope>;
