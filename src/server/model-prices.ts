import * as z from "zod";
import { Usd, usdMicros } from "../protocol/money.ts";
import type { ModelPrice } from "../runtime/model-price.ts";
import { check, type Env, text } from "./environment.ts";

const MaxOutputTokens = z
  .string()
  .regex(/^\d{1,7}$/)
  .transform(Number)
  .pipe(z.int().min(16));

/**
 * Reads prices such as `anthropic/claude-x=3/15` or `anthropic/claude-x=3/15/0.30`: USD per million tokens that go
 * in, that come out, and (not above the first) that went in before and are read from the provider's cache. A model whose prices are
 * all 0 costs nothing and is left out.
 */
export function modelPrices(env: Env): Map<string, ModelPrice> {
  const form = "a whole number of tokens from 16 to 9999999";
  const maxOutputTokens = check(env, "PAYGENT_MODEL_MAX_OUTPUT_TOKENS", MaxOutputTokens, form) ?? 8192;
  const entries = (text(env, "PAYGENT_MODEL_PRICES") ?? "").split(",").map((entry) => entry.trim());
  const prices = entries
    .filter((entry) => entry !== "")
    .map((entry): [string, ModelPrice] => {
      const [name, prices] = readEntry(entry);
      if (name === "rules") {
        throw new Error("PAYGENT_MODEL_PRICES lists rules, which runs here and costs nothing; take it off the list.");
      }
      return [name, { ...prices, maxOutputTokens }];
    });
  return new Map(prices.filter(([, price]) => price.inputMicros + price.outputMicros + price.cachedInputMicros > 0n));
}

function readEntry(entry: string): [string, Omit<ModelPrice, "maxOutputTokens">] {
  const [, name = "", list = ""] = /^([^=\s]+)=(.+)$/.exec(entry) ?? [];
  const amounts = list.split("/").map((amount) => Usd.safeParse(amount.trim()));
  const known = amounts.filter((amount) => amount.success).map(({ data }) => usdMicros(data));
  const [inputMicros, outputMicros, cachedInputMicros = inputMicros] = known;
  const isWhole = known.length === amounts.length && known.length <= 3;
  if (
    !isWhole ||
    inputMicros === undefined ||
    outputMicros === undefined ||
    cachedInputMicros === undefined ||
    cachedInputMicros > inputMicros
  ) {
    throw new Error(
      `PAYGENT_MODEL_PRICES must list prices in USD per million tokens such as openai/gpt-x=1.25/10; "${entry}" is none.`,
    );
  }
  return [name, { inputMicros, outputMicros, cachedInputMicros }];
}
