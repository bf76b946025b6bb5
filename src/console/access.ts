import { createContext } from "react";

const storageKey = "paygent.token";

/**
 * The access token of this tab. It comes in the address's fragment, which browsers send to nobody, and is taken
 * out of the address at once, so that it stays in no history and on no screenshot.
 */
export function takeToken(): string | undefined {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given !== null && given !== "") {
    sessionStorage.setItem(storageKey, given);
    history.replaceState(null, "", `${location.pathname}${location.search}`);
  }
  return sessionStorage.getItem(storageKey) ?? undefined;
}

export function keepToken(token: string): void {
  sessionStorage.setItem(storageKey, token);
}

export function forgetToken(): void {
  sessionStorage.removeItem(storageKey);
}

/** Leaves the token behind and asks for another one. */
export const SignOut = createContext<() => void>(() => undefined);
