import { createHash, timingSafeEqual } from "node:crypto";
import { createRemoteJWKSet, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose";
import { isLoopback } from "../protocol/loopback.ts";
import { TokenId } from "../protocol/revocation.ts";
import { Scope } from "../protocol/scope.ts";
import { type Caller, unauthenticated } from "../runtime/access.ts";
import type { Clock } from "../runtime/clock.ts";

/** A caller by their credential, which ends at `expiresAt` (milliseconds since the epoch); the local token never does. */
export interface Identity extends Caller {
  readonly expiresAt?: number;
}

export function isExpired({ expiresAt }: Identity, now: number): boolean {
  return expiresAt !== undefined && expiresAt <= now;
}

export interface Authenticator {
  /** Throws `unauthenticated`, with the same sentence whatever the reason; the reason is its `cause`. */
  authenticate(token: string): Promise<Identity>;
}

export interface AuthenticatorOptions {
  /** The HS256 secret, at least 32 bytes. */
  readonly secret?: string;
  /** Where the RS256 and ES256 keys are published. */
  readonly jwksUrl?: string;
  /** The one opaque token of local mode. */
  readonly localToken?: string;
  readonly audience?: string;
  readonly issuer?: string;
  /** How far the issuer's clock may be off, 0 to 5 seconds. */
  readonly clockToleranceSeconds?: number;
  /** How long after its `iat` a token is taken at most, whatever its `exp` says. */
  readonly maxTokenMs?: number;
  readonly clock: Clock;
}

const maxTokenLength = 8192;
const maxTimeSeconds = 8_640_000_000_000;
const controlCharacter = /\p{Cc}/u;
const tokenPart = /^[A-Za-z0-9_-]+$/;

/** Throws an Error whose sentence names the setting when the options do not make a safe authenticator. */
export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const { localToken } = options;
  const verifyJwt = jwtVerifier(options);
  if (verifyJwt === undefined && localToken === undefined) {
    throw new Error("No way to authenticate is configured: set PAYGENT_AUTH_SECRET or PAYGENT_AUTH_JWKS_URL.");
  }
  return {
    async authenticate(token) {
      if (localToken !== undefined && isSameToken(token, localToken)) {
        return { userId: "local", scopes: new Set(Scope.options) };
      }
      if (verifyJwt === undefined) throw unauthenticated("not the local token");
      try {
        return await verifyJwt(token);
      } catch (error) {
        throw unauthenticated(error);
      }
    },
  };
}

/** Compares digests, so that neither content nor length shows in the time it takes. */
function isSameToken(given: string, expected: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

function jwtVerifier(options: AuthenticatorOptions): ((token: string) => Promise<Identity>) | undefined {
  const { secret, jwksUrl, audience, issuer, maxTokenMs, clock, clockToleranceSeconds: tolerance = 5 } = options;
  if (secret === undefined && jwksUrl === undefined) return undefined;
  if (!(tolerance >= 0 && tolerance <= 5)) throw new Error("The clock tolerance must be between 0 and 5 seconds.");
  const secretKey = secret === undefined ? undefined : secretBytes(secret);
  const publicKeys = jwksUrl === undefined ? undefined : createRemoteJWKSet(checkedJwksUrl(jwksUrl));
  // The key is chosen by the algorithm and never the other way round: a public key can not become a secret.
  const algorithms = [...(secretKey ? ["HS256"] : []), ...(publicKeys ? ["RS256", "ES256"] : [])];
  const keyOf: JWTVerifyGetKey = (header, token) => {
    if (header.alg === "HS256" && secretKey !== undefined) return secretKey;
    if (header.alg !== "HS256" && publicKeys !== undefined) return publicKeys(header, token);
    throw new Error("no key for this algorithm");
  };
  return async (token) => {
    refuseMalformed(token);
    const { payload } = await jwtVerify(token, keyOf, {
      algorithms,
      requiredClaims: ["sub", "exp"],
      clockTolerance: tolerance,
      currentDate: new Date(clock.now()),
      ...(audience === undefined ? {} : { audience }),
      ...(issuer === undefined ? {} : { issuer }),
      ...(maxTokenMs === undefined ? {} : { maxTokenAge: maxTokenMs / 1000 }),
    });
    return identityOf(payload, { latestIssue: clock.now() + tolerance * 1000, maxTokenMs });
  };
}

function secretBytes(secret: string): Uint8Array {
  const bytes = new TextEncoder().encode(secret);
  if (bytes.length < 32) throw new Error("PAYGENT_AUTH_SECRET is too short: it must have at least 32 bytes.");
  return bytes;
}

function checkedJwksUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "https:" || (url?.protocol === "http:" && isLoopback(url.hostname))) return url;
  throw new Error("PAYGENT_AUTH_JWKS_URL must be an https URL, or an http URL of this machine.");
}

/** Base64url has spare bits at its end that decoders ignore; only the one canonical spelling of a token is accepted. */
function refuseMalformed(token: string): void {
  if (token.length > maxTokenLength) throw new Error("token too long");
  const parts = token.split(".");
  const isCanonical = (part: string) =>
    tokenPart.test(part) && Buffer.from(part, "base64url").toString("base64url") === part;
  if (parts.length !== 3 || !parts.every(isCanonical)) throw new Error("not a compact JWT");
}

function identityOf(
  payload: JWTPayload,
  { latestIssue, maxTokenMs = Number.POSITIVE_INFINITY }: { latestIssue: number; maxTokenMs?: number | undefined },
): Identity {
  const { sub, exp, iat, jti } = payload;
  if (typeof sub !== "string" || sub.length > 200 || !/\S/.test(sub) || controlCharacter.test(sub)) {
    throw new Error("sub is not a user id");
  }
  if (!sub.isWellFormed()) throw new Error("sub is not well-formed Unicode");
  if (typeof exp !== "number" || !(exp > 0 && exp <= maxTimeSeconds)) throw new Error("exp is not a time");
  // An id that no revocation can name would be one that cannot be revoked.
  if (jti !== undefined && !TokenId.safeParse(jti).success) throw new Error("jti is not a token id");
  // Only the issuer can have put a time that has yet to come: it says nothing of when the token was issued.
  const issuedAt = iat !== undefined && iat >= 0 && iat * 1000 <= latestIssue ? Math.floor(iat * 1000) : undefined;
  return {
    userId: sub,
    scopes: scopesOf(payload.scope),
    expiresAt: Math.floor(Math.min(exp * 1000, (issuedAt ?? 0) + maxTokenMs)),
    token: { ...(jti === undefined ? {} : { id: jti }), ...(issuedAt === undefined ? {} : { issuedAt }) },
  };
}

function scopesOf(claim: unknown): ReadonlySet<Scope> {
  if (claim === undefined) return new Set(["execute", "approve", "read"]);
  if (typeof claim !== "string" || claim.trim() === "") throw new Error("scope is empty or no text");
  const given = new Set(claim.split(" "));
  return new Set(Scope.options.filter((name) => given.has(name)));
}
