import { sharedPoll } from "./poll-store.ts";

/** The freezes that concern a client's user. */
export const freezesStore = sharedPoll(async (client) => (await client.freezes.list()).data);
