const redacted = "[redacted]";
const deepest = 6;
/** What hangs on a socket or a request comes to thousands of values, which nobody reads in a log. */
const mostValues = 500;

/** Names whose values are secret, in any spelling and behind any prefix: `PAYGENT_AUTH_SECRET`, `x-payment`. */
const secretName =
  /(?:passphrase|passwo?rd|secret|token|privatekey|apikey|mnemonic|seedphrase|authorization|cookie|signature|xpayment|header|rawheaders)$/;

type Fields = Readonly<Record<string, unknown>>;

/** What a log shows of its fields: a copy, neither deep nor large, without what has a secret's name. Never throws. */
export function withoutSecrets(fields: Fields): Fields {
  try {
    return new Copy().ofFields(fields, 0);
  } catch {
    return { fields: "[cannot be read]" };
  }
}

class Copy {
  #left = mostValues;

  ofFields(fields: object, depth: number): Fields {
    const entries = this.#some(Object.entries(fields)).map(([name, value]): [string, unknown] => [
      name,
      isSecret(name) ? redacted : this.#of(value, depth + 1),
    ]);
    return Object.fromEntries(entries);
  }

  #of(value: unknown, depth: number): unknown {
    if (typeof value !== "object" || value === null) return value;
    if (depth > deepest || this.#left === 0) return "[cut off]";
    if ("toJSON" in value && typeof value.toJSON === "function") return this.#of(value.toJSON(), depth + 1);
    if (Array.isArray(value)) return this.#some(value).map((one) => this.#of(one, depth + 1));
    return this.ofFields(value, depth);
  }

  /** As many as the copy still has room for. */
  #some<T>(values: readonly T[]): readonly T[] {
    const some = values.slice(0, this.#left);
    this.#left -= some.length;
    return some;
  }
}

function isSecret(name: string): boolean {
  return secretName.test(name.toLowerCase().replaceAll(/[^a-z]/g, ""));
}

/** Those of files say where in a program something failed. */
const address = /(?<=[a-z0-9])(?<!\bfile):\/\/([^\s"\\<>]+)/gi;
/** A long piece of a path with a digit in it, as nodes of chains are given their keys. */
const keyInPath = /\/(?=[a-z_-]*\d)[\w-]{20,}(?![\w.-])/gi;
const bearer = /\bbearer [\w.~+/=-]+/gi;
const keyInQuery = /([?&](?:token|ticket|key|api_?key|secret|password)=)[^\s"\\&]+/gi;
/** Tokens, and payments as headers have them: JSON in base64. */
const encoded = /\beyJ[\w+/=.-]{20,}/g;

/** A line of a log without the secrets that are told by their form, wherever in it they stand. */
export function withoutCredentials(line: string): string {
  return line
    .replaceAll(address, (_whole, rest: string) => `://${withoutKeys(rest)}`)
    .replaceAll(keyInQuery, `$1${redacted}`)
    .replaceAll(bearer, `Bearer ${redacted}`)
    .replaceAll(encoded, redacted);
}

/** An address's rest without its user and password, its query, and its path's key. */
function withoutKeys(rest: string): string {
  // The last one: what nobody can parse for its unescaped password is quoted most of all.
  const at = rest.lastIndexOf("@");
  const [place = "", asked] = rest.slice(at + 1).split("?", 2);
  const user = at === -1 ? "" : `${redacted}@`;
  return user + place.replaceAll(keyInPath, `/${redacted}`) + (asked === undefined ? "" : `?${redacted}`);
}
