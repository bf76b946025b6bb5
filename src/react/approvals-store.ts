import type { PaygentClient } from "../client/client.ts";
import type { Approval } from "../protocol/resources.ts";
import { sharedPoll } from "./poll-store.ts";

/** A client's pending approvals over all sessions, oldest first. */
export const approvalsStore = sharedPoll(async (client: PaygentClient): Promise<readonly Approval[]> => {
  const found: Approval[] = [];
  let cursor: string | undefined;
  do {
    const page = await client.approvals.list({
      status: "pending",
      limit: 200,
      ...(cursor === undefined ? {} : { cursor }),
    });
    found.push(...page.data);
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
  return found.reverse();
});
