import * as z from "zod";
import { Decimal } from "../../protocol/money.ts";
import type { Tool } from "../../runtime/tool.ts";

const Args = z.strictObject({
  to: z.string().min(1).max(100).describe("The address that gets the money: 0x and 40 hexadecimal digits."),
  amount: Decimal.describe('How much, such as "5.00".'),
  currency: z.string().min(1).max(20).describe('The wallet\'s currency, such as "USDC".'),
});

/** Moves money to an address, with nothing in return. */
export const transfer: Tool = {
  name: "transfer",
  description:
    "Send money from the wallet to an address, for ever and with nothing in return. Only to an address that the " +
    "person you work for has named.",
  args: Args,
  effect: "payment",
  purchase(args) {
    const { to, amount, currency } = Args.parse(args);
    return { kind: "transfer", to, amount, currency, payee: to };
  },
};
