import * as z from "zod";
import { Decimal, parseUnits } from "../../protocol/money.ts";
import type { Service } from "../../protocol/resources.ts";
import type { Tool } from "../../runtime/tool.ts";
import type { Catalogue } from "../../runtime/wallet.ts";

const Args = z.strictObject({
  query: z.string().max(200).optional().describe("Words to look for in names and descriptions; any of them will do."),
  max_price: Decimal.optional().describe('Only services that cost at most this much a call, such as "0.50".'),
});

const priceDecimals = 18;

/** Lists what the catalogue has. */
export function discoverServices(catalogue: Catalogue): Tool {
  return {
    name: "discover_services",
    description: "List the services that pay_service can buy from, with what they do and what one call costs.",
    args: Args,
    effect: "read",
    async run(args) {
      const { query = "", max_price } = Args.parse(args);
      const words = query.toLowerCase().split(/\s+/).filter(Boolean);
      const services = catalogue
        .list()
        .filter((service) => matches(service, words) && costsAtMost(service, max_price))
        .map(({ name, description, price, currency }) => ({ name, description, price, currency }));
      return { services };
    },
  };
}

function matches(service: Service, words: readonly string[]): boolean {
  const text = `${service.name} ${service.description}`.toLowerCase();
  return words.length === 0 || words.some((word) => text.includes(word));
}

function costsAtMost(service: Service, limit: string | undefined): boolean {
  if (limit === undefined) return true;
  const price = parseUnits(service.price, priceDecimals);
  const most = parseUnits(limit, priceDecimals);
  return price !== undefined && most !== undefined && price <= most;
}
