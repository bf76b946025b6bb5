import { createHmac, generateKeyPairSync, sign } from "node:crypto";

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** Every token here is close to one that `secret` makes valid for `sub`, and none may be taken for it. */
export function tokenMutants(secret: string, sub: string): Record<string, string> {
  const now = Math.floor(Date.now() / 1000);
  const claims = { sub, exp: now + 3600 };
  const signed = (payload: unknown, header: unknown = { alg: "HS256" }, key = secret, hash = "sha256") => {
    const input = `${encode(header)}.${encode(payload)}`;
    return `${input}.${createHmac(hash, key).update(input).digest("base64url")}`;
  };
  const good = signed(claims);
  const [header = "", payload = "", signature = ""] = good.split(".");
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const rsaInput = `${encode({ alg: "RS256" })}.${payload}`;
  const publicPem = rsa.publicKey.export({ type: "spki", format: "pem" }).toString();

  return {
    empty: "",
    garbage: "garbage",
    "dots alone": "..",
    null: "null",
    undefined: "undefined",
    "a user id": sub,
    "a header alone": header,
    "no signature": `${header}.${payload}`,
    "an empty signature": `${header}.${payload}.`,
    "an empty payload": `${header}..${signature}`,
    "an empty header": `.${payload}.${signature}`,
    "four parts": `${good}.${signature}`,
    "twice in a row": `${good}${good}`,
    "twice with a comma": `${good},${good}`,
    "a space before": ` ${good}`,
    "a space behind": `${good} `,
    "a line behind": `${good}\r\nx: y`,
    "a NUL behind": `${good}\0`,
    padding: `${good}=`,
    "with its scheme": `Bearer ${good}`,
    "very long": `${header}.${"A".repeat(10_000)}.${signature}`,
    "JSON in the open": `{"alg":"HS256"}.${JSON.stringify(claims)}.${signature}`,
    "in capitals": good.toUpperCase(),
    "alg none": `${encode({ alg: "none" })}.${payload}.`,
    "alg None": `${encode({ alg: "None" })}.${payload}.`,
    "alg NONE with the signature": `${encode({ alg: "NONE" })}.${payload}.${signature}`,
    "no alg": signed(claims, {}),
    "alg null": signed(claims, { alg: null }),
    "alg in a list": signed(claims, { alg: ["HS256"] }),
    "alg hs256": signed(claims, { alg: "hs256" }),
    "alg HS384": signed(claims, { alg: "HS384" }, secret, "sha384"),
    "alg HS512": signed(claims, { alg: "HS512" }, secret, "sha512"),
    "alg RS256 over an HMAC": signed(claims, { alg: "RS256" }),
    "an RSA signature": `${rsaInput}.${sign("sha256", Buffer.from(rsaInput), rsa.privateKey).toString("base64url")}`,
    "a public key as the secret": signed(claims, { alg: "HS256" }, publicPem),
    "the signer's own key in the header": signed(claims, { alg: "HS256", jwk: { kty: "oct", k: "AA" } }, "\0"),
    "a critical header": signed(claims, { alg: "HS256", crit: ["exp"] }),
    "an empty secret": signed(claims, { alg: "HS256" }, ""),
    "another secret": signed(claims, { alg: "HS256" }, `${secret}x`),
    "the secret in base64": signed(claims, { alg: "HS256" }, Buffer.from(secret).toString("base64")),
    "the payload of another": `${header}.${encode({ ...claims, sub: "bob" })}.${signature}`,
    "expired an hour ago": signed({ ...claims, exp: now - 3600 }),
    "expired six seconds ago": signed({ ...claims, exp: now - 6 }),
    "not valid yet": signed({ ...claims, nbf: now + 600 }),
    "no exp": signed({ sub }),
    "exp null": signed({ sub, exp: null }),
    "exp text": signed({ sub, exp: String(now + 3600) }),
    "exp beyond time": signed({ sub, exp: 1e18 }),
    "exp below zero": signed({ sub, exp: -1 }),
    "no sub": signed({ exp: claims.exp }),
    "sub empty": signed({ ...claims, sub: "" }),
    "sub blank": signed({ ...claims, sub: " " }),
    "sub a number": signed({ ...claims, sub: 1 }),
    "sub a list": signed({ ...claims, sub: [sub] }),
    "sub an object": signed({ ...claims, sub: { id: sub } }),
    "sub with a NUL": signed({ ...claims, sub: `${sub}\0` }),
    "sub too long": signed({ ...claims, sub: "a".repeat(201) }),
    "scope a list": signed({ ...claims, scope: ["read"] }),
    "scope blank": signed({ ...claims, scope: " " }),
    "a payload that is a list": signed([claims]),
    "a payload that is text": signed("alice"),
    "a payload that is null": signed(null),
    ...Object.fromEntries(
      Array.from({ length: 12 }, (_, i) => {
        const at = Math.floor(((i + 0.5) * good.length) / 12);
        const flipped = Buffer.from(good);
        flipped.writeUInt8(flipped.readUInt8(at) === 65 ? 66 : 65, at);
        return [`another character at ${at}`, flipped.toString()];
      }),
    ),
  };
}
