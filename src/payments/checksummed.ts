import { type Address, getAddress, isAddress } from "viem";

/**
 * An address with its checksum; `undefined` for what is none. In lower case it has none to begin with; one in mixed
 * case whose checksum is wrong has been altered or mistyped.
 */
export function checksummed(text: string): Address | undefined {
  return isAddress(text, { strict: true }) ? getAddress(text) : undefined;
}
