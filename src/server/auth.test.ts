import { createHmac, createSign, generateKeyPairSync } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PaygentError } from "../protocol/errors.ts";
import { type AuthenticatorOptions, createAuthenticator } from "./auth.ts";

const now = Date.parse("2026-01-01T00:00:00Z");
const seconds = now / 1000;
const clock = { now: () => now };
const secret = "an-hs256-secret-of-32-bytes-and-more";
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const strangersRsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
const claims = { sub: "alice", exp: seconds + 60, aud: "paygent", iss: "https://issuer.test" };

type Parts = Record<string, unknown>;

function hs256(
  payload: Parts = claims,
  header: Parts = { alg: "HS256" },
  key: string | Buffer = secret,
  hash = "sha256",
) {
  const input = `${encode(header)}.${encode(payload)}`;
  return `${input}.${createHmac(hash, key).update(input).digest("base64url")}`;
}

function signed(payload: Parts, header: Parts, key: typeof rsa.privateKey) {
  const input = `${encode(header)}.${encode(payload)}`;
  return `${input}.${createSign("sha256").update(input).sign({ key, dsaEncoding: "ieee-p1363" }, "base64url")}`;
}

const rs256 = (payload: Parts = claims, header: Parts = { alg: "RS256", kid: "rsa" }) =>
  signed(payload, header, rsa.privateKey);

const requests: string[] = [];
let jwks: Server;
let jwksUrl: string;

beforeAll(async () => {
  const keys = [
    { ...rsa.publicKey.export({ format: "jwk" }), kid: "rsa", alg: "RS256", use: "sig" },
    { ...ec.publicKey.export({ format: "jwk" }), kid: "ec", alg: "ES256", use: "sig" },
    { kty: "oct", k: Buffer.from(secret).toString("base64url"), kid: "oct" },
  ];
  jwks = createServer((request, response) => {
    requests.push(request.url ?? "");
    response.setHeader("content-type", "application/json").end(JSON.stringify({ keys }));
  });
  await new Promise<void>((resolve) => jwks.listen(0, "127.0.0.1", resolve));
  // A server that listens on a port has an address of this kind.
  jwksUrl = `http://127.0.0.1:${(jwks.address() as AddressInfo).port}/keys`;
});

afterAll(() => {
  jwks.close();
});

const common = { clock, audience: "paygent", issuer: "https://issuer.test" };
const bySecret = () => createAuthenticator({ ...common, secret });
const byKeys = () => createAuthenticator({ ...common, jwksUrl });

async function refusal(token: string, options: Partial<AuthenticatorOptions>): Promise<PaygentError | undefined> {
  try {
    await createAuthenticator({ ...common, ...options }).authenticate(token);
  } catch (error) {
    if (error instanceof PaygentError) return error;
    throw error;
  }
  return undefined;
}

describe("a valid token", () => {
  test("names its user, its end, and by default three scopes", async () => {
    const identity = await bySecret().authenticate(hs256());

    expect(identity.userId).toBe("alice");
    expect(identity.expiresAt).toBe(now + 60_000);
    expect([...identity.scopes].sort()).toEqual(["approve", "execute", "read"]);
  });

  test("gives exactly the scopes it lists, without those that nobody knows", async () => {
    const identity = await bySecret().authenticate(hs256({ ...claims, scope: "read root admin" }));

    expect([...identity.scopes].sort()).toEqual(["admin", "read"]);
  });

  test("may be signed by a published RSA or EC key", async () => {
    const es256 = signed(claims, { alg: "ES256", kid: "ec" }, ec.privateKey);

    expect((await byKeys().authenticate(rs256())).userId).toBe("alice");
    expect((await byKeys().authenticate(es256)).userId).toBe("alice");
  });

  test("may come from a clock that is a few seconds off", async () => {
    const identity = await bySecret().authenticate(hs256({ ...claims, exp: seconds - 4, nbf: seconds + 4 }));

    expect(identity.userId).toBe("alice");
  });

  test("is accepted beside the other kind when both are configured", async () => {
    const both = createAuthenticator({ ...common, secret, jwksUrl });

    expect((await both.authenticate(hs256())).userId).toBe("alice");
    expect((await both.authenticate(rs256())).userId).toBe("alice");
  });
});

function mutants(): Record<string, string> {
  const good = hs256();
  const [header = "", payload = "", signature = ""] = good.split(".");
  const publicPem = rsa.publicKey.export({ type: "spki", format: "pem" }).toString();
  const without = (name: string) => hs256(Object.fromEntries(Object.entries(claims).filter(([key]) => key !== name)));
  const unsigned = (alg: string) => `${encode({ alg })}.${payload}.`;
  const flip = (text: string, index: number) => {
    const char = text[index] === "A" ? "B" : "A";
    return text.slice(0, index) + char + text.slice(index + 1);
  };
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  // The last character of 32 bytes has two spare bits: this one decodes to the same signature.
  const sameBytes = signature.slice(0, -1) + alphabet[alphabet.indexOf(signature.at(-1) ?? "A") ^ 1];
  return {
    empty: "",
    "a space": " ",
    garbage: "garbage",
    "two dots": "..",
    "the word undefined": "undefined",
    "the word null": "null",
    "a user id": "alice",
    "one part": header,
    "two parts": `${header}.${payload}`,
    "four parts": `${good}.${signature}`,
    "five parts": `${good}.a.b`,
    "no signature": `${header}.${payload}.`,
    "no payload": `${header}..${signature}`,
    "no header": `.${payload}.${signature}`,
    "space before": ` ${good}`,
    "space behind": `${good} `,
    "newline behind": `${good}\n`,
    padding: `${good}=`,
    "standard base64": good.replaceAll("-", "+").replaceAll("_", "/").concat("+"),
    "twice in a row": `${good}${good}`,
    "twice with a comma": `${good},${good}`,
    "with the scheme": `Bearer ${good}`,
    "too long": `${header}.${"A".repeat(20_000)}.${signature}`,
    "alg none": unsigned("none"),
    "alg None": unsigned("None"),
    "alg NONE": unsigned("NONE"),
    "alg nOnE with the signature": `${encode({ alg: "nOnE" })}.${payload}.${signature}`,
    "alg empty": hs256(claims, { alg: "" }),
    "alg missing": hs256(claims, {}),
    "alg null": hs256(claims, { alg: null }),
    "alg a list": hs256(claims, { alg: ["HS256"] }),
    "alg in lower case": hs256(claims, { alg: "hs256" }),
    "alg HS384": hs256(claims, { alg: "HS384" }, secret, "sha384"),
    "alg HS512": hs256(claims, { alg: "HS512" }, secret, "sha512"),
    "alg RS256 over an HMAC": hs256(claims, { alg: "RS256" }),
    "alg PS256": hs256(claims, { alg: "PS256" }),
    "alg EdDSA": hs256(claims, { alg: "EdDSA" }),
    "alg HS256 over an RSA signature": rs256(claims, { alg: "HS256" }),
    "the public key as the secret": hs256(claims, { alg: "HS256" }, publicPem),
    "an empty secret": hs256(claims, { alg: "HS256" }, ""),
    "another secret": hs256(claims, { alg: "HS256" }, `${secret}x`),
    "the secret in another case": hs256(claims, { alg: "HS256" }, secret.toUpperCase()),
    "another RSA key": signed(claims, { alg: "RS256", kid: "rsa" }, strangersRsa.privateKey),
    "kid with a path": signed(claims, { alg: "RS256", kid: "../../etc/passwd" }, strangersRsa.privateKey),
    "kid with a URL": signed(claims, { alg: "RS256", kid: "http://127.0.0.1:1/k" }, strangersRsa.privateKey),
    "kid of another kind of key": rs256(claims, { alg: "RS256", kid: "ec" }),
    "kid of a symmetric key": hs256(claims, { alg: "RS256", kid: "oct" }),
    "kid that nobody has": rs256(claims, { alg: "RS256", kid: "unknown" }),
    "jku of a stranger": signed(claims, { alg: "RS256", jku: "http://127.0.0.1:1/k" }, strangersRsa.privateKey),
    "jwk of a stranger": signed(
      claims,
      { alg: "RS256", jwk: strangersRsa.publicKey.export({ format: "jwk" }) },
      strangersRsa.privateKey,
    ),
    "x5u of a stranger": signed(claims, { alg: "RS256", x5u: "http://127.0.0.1:1/c" }, strangersRsa.privateKey),
    "an unknown critical header": hs256(claims, { alg: "HS256", crit: ["exp"], exp: 1 }),
    "an unencoded payload": hs256(claims, { alg: "HS256", b64: false, crit: ["b64"] }),
    "first character of the signature": `${header}.${payload}.${flip(signature, 0)}`,
    "middle of the signature": `${header}.${payload}.${flip(signature, 20)}`,
    "spare bits of the signature": `${header}.${payload}.${sameBytes}`,
    "a cut signature": good.slice(0, -1),
    "a signature of zeros": `${header}.${payload}.${"A".repeat(43)}`,
    "flipped payload": `${header}.${flip(payload, 10)}.${signature}`,
    "another user's payload": `${header}.${encode({ ...claims, sub: "mallory" })}.${signature}`,
    "flipped header": `${flip(header, 4)}.${payload}.${signature}`,
    "expired long ago": hs256({ ...claims, exp: seconds - 3600 }),
    "expired just beyond the tolerance": hs256({ ...claims, exp: seconds - 6 }),
    "exp missing": without("exp"),
    "exp as text": hs256({ ...claims, exp: String(seconds + 60) }),
    "exp null": hs256({ ...claims, exp: null }),
    "exp zero": hs256({ ...claims, exp: 0 }),
    "exp negative": hs256({ ...claims, exp: -1 }),
    "exp beyond all time": hs256({ ...claims, exp: 1e300 }),
    "nbf in the future": hs256({ ...claims, nbf: seconds + 60 }),
    "nbf as text": hs256({ ...claims, nbf: "now" }),
    "audience missing": without("aud"),
    "another audience": hs256({ ...claims, aud: "elsewhere" }),
    "audience of the same beginning": hs256({ ...claims, aud: "paygent.evil" }),
    "issuer missing": without("iss"),
    "another issuer": hs256({ ...claims, iss: "https://issuer.test.evil" }),
    "sub missing": without("sub"),
    "sub empty": hs256({ ...claims, sub: "" }),
    "sub blank": hs256({ ...claims, sub: "  " }),
    "sub a number": hs256({ ...claims, sub: 1 }),
    "sub null": hs256({ ...claims, sub: null }),
    "sub an object": hs256({ ...claims, sub: { id: "alice" } }),
    "sub a list": hs256({ ...claims, sub: ["alice"] }),
    "sub of 201 characters": hs256({ ...claims, sub: "a".repeat(201) }),
    "sub with a newline": hs256({ ...claims, sub: "alice\nadmin" }),
    "sub with a NUL": hs256({ ...claims, sub: "alice\0" }),
    "jti empty": hs256({ ...claims, jti: "" }),
    "jti a number": hs256({ ...claims, jti: 7 }),
    "jti of 501 characters": hs256({ ...claims, jti: "a".repeat(501) }),
    "jti with a NUL": hs256({ ...claims, jti: "a\0" }),
    "scope empty": hs256({ ...claims, scope: "" }),
    "scope blank": hs256({ ...claims, scope: " " }),
    "scope null": hs256({ ...claims, scope: null }),
    "scope a list": hs256({ ...claims, scope: ["admin"] }),
    "scope a number": hs256({ ...claims, scope: 1 }),
    "payload no object": `${encode({ alg: "HS256" })}.${encode([])}.${signature}`,
  };
}

describe("a token that does not hold", () => {
  const entries = Object.entries(mutants());

  test("there are at least sixty kinds tried", () => {
    expect(entries.length).toBeGreaterThanOrEqual(60);
  });

  test.each(entries)("%s is unauthenticated by secret, by keys, by both, and by local token", async (_kind, token) => {
    const doors = [{ secret }, { jwksUrl }, { secret, jwksUrl }, { localToken: "local_token" }];

    const refusals = await Promise.all(doors.map((options) => refusal(token, options)));

    for (const error of refusals) expect(error?.code).toBe("unauthenticated");
    expect(new Set(refusals.map((error) => error?.message)).size).toBe(1);
    expect(refusals.some((error) => token.length > 20 && error?.message.includes(token))).toBe(false);
  });

  test("an HMAC token does not pass where only published keys count, nor the other way round", async () => {
    expect((await refusal(hs256(), { jwksUrl }))?.code).toBe("unauthenticated");
    expect((await refusal(rs256(), { secret }))?.code).toBe("unauthenticated");
  });

  test("nothing but the configured address was ever asked for keys", () => {
    expect(new Set(requests)).toEqual(new Set(["/keys"]));
  });
});

describe("the local token", () => {
  test("is the user local with every scope and no end", async () => {
    const identity = await createAuthenticator({ clock, localToken: "local_abc" }).authenticate("local_abc");

    expect(identity).toEqual({ userId: "local", scopes: new Set(["execute", "approve", "read", "admin"]) });
  });

  test.each(["", "local_ab", "local_abcd", "LOCAL_ABC", "local_abc "])("%j is not it", async (token) => {
    expect((await refusal(token, { localToken: "local_abc" }))?.code).toBe("unauthenticated");
  });
});

describe("what a revocation goes by", () => {
  const tokenOf = async (payload: Parts) =>
    (await createAuthenticator({ clock, secret }).authenticate(hs256({ ...claims, ...payload }))).token;

  test("is the jti and the iat of the token", async () => {
    expect(await tokenOf({ jti: "one", iat: seconds - 3 })).toEqual({ id: "one", issuedAt: now - 3000 });
    expect(await tokenOf({})).toEqual({});
  });

  test.each([-1, seconds + 6, 1e300])(
    "is no iat of %d, which says nothing of when the token was issued",
    async (iat) => {
      expect(await tokenOf({ iat })).toEqual({});
    },
  );
});

describe("a token's age", () => {
  const options = { clock, secret, maxTokenMs: 60_000 };
  const lasting = { ...claims, exp: seconds + 3600 };

  test("ends it before its exp does", async () => {
    const identity = await createAuthenticator(options).authenticate(hs256({ ...lasting, iat: seconds - 20 }));

    expect(identity.expiresAt).toBe(now + 40_000);
  });

  test.each([undefined, seconds - 66, seconds + 6])("is not within a minute with an iat of %s", async (iat) => {
    expect((await refusal(hs256({ ...lasting, iat }), options))?.code).toBe("unauthenticated");
  });
});

describe("createAuthenticator", () => {
  test("refuses a secret of 31 bytes and takes one of 32", () => {
    expect(() => createAuthenticator({ clock, secret: "x".repeat(31) })).toThrow(/PAYGENT_AUTH_SECRET.*32 bytes/);
    expect(() => createAuthenticator({ clock, secret: "x".repeat(32) })).not.toThrow();
  });

  test("refuses to start with nothing to check tokens by", () => {
    expect(() => createAuthenticator({ clock })).toThrow(/PAYGENT_AUTH_SECRET/);
  });

  test.each(["nonsense", "http://keys.test/jwks", "file:///etc/passwd", "http://127.0.0.1.evil.test/"])(
    "refuses %s as the address of keys",
    (url) => {
      expect(() => createAuthenticator({ clock, jwksUrl: url })).toThrow(/PAYGENT_AUTH_JWKS_URL/);
    },
  );

  test("refuses a clock tolerance of more than five seconds", () => {
    expect(() => createAuthenticator({ clock, secret, clockToleranceSeconds: 6 })).toThrow(/between 0 and 5/);
  });
});
