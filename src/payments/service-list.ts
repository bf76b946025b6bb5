import { readFileSync } from "node:fs";
import * as z from "zod";
import { Decimal } from "../protocol/money.ts";
import type { Service } from "../protocol/resources.ts";
import type { Catalogue } from "../runtime/wallet.ts";
import type { Token } from "./token.ts";

const listLimitChars = 1024 * 1024;
const WebUrl = z.url({ protocol: /^https?$/ }).max(2048);
const ServiceList = z
  .array(
    z.strictObject({
      name: z.string().min(1).max(100),
      description: z.string().max(1000),
      url: WebUrl,
      price: Decimal,
    }),
  )
  .max(1000);

/**
 * The services that an operator lists in a JSON file: `[{name, description, url, price}]`. The price is what
 * the agent is told beforehand; what is paid is the service's own quote. Throws a sentence when it cannot be read.
 */
export function readServiceList(path: string): z.infer<typeof ServiceList> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new Error(`The list of services ${path} cannot be read. Correct PAYGENT_SERVICES, or leave it out.`, {
      cause,
    });
  }
  let listed: z.infer<typeof ServiceList>;
  try {
    if (text.length > listLimitChars) throw new Error("it is longer than 1 MiB");
    listed = ServiceList.parse(JSON.parse(text));
  } catch (cause) {
    throw new Error(`PAYGENT_SERVICES must name ${fileForm}; ${path} holds something else${placeOf(cause)}.`, {
      cause,
    });
  }
  const names = listed.map(({ name }) => name.toLowerCase());
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new Error(`${path} lists the service ${twice} twice; give each a name of its own.`);
  return listed;
}

const fileForm =
  'a JSON file such as [{"name":"news","description":"Headlines","url":"https://example.com/news","price":"0.10"}]';

/** Where in the file the first thing is wrong. */
function placeOf(cause: unknown): string {
  const issue = cause instanceof z.ZodError ? cause.issues[0] : undefined;
  return issue === undefined ? "" : ` at ${z.core.toDotPath(issue.path) || "its top"}`;
}

/** The catalogue of listed services, priced in the wallet's token. */
export function catalogueOf(
  listed: readonly Pick<Service, "name" | "description" | "url" | "price">[],
  token: Token,
  network: string,
): Catalogue {
  const services: readonly Service[] = listed.map(({ name, description, url, price }) => ({
    name,
    description,
    url,
    price,
    currency: token.symbol,
    network,
  }));
  return { list: () => services, find: (name) => services.find((service) => service.name === name) };
}
