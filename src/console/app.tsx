import { lazy, Suspense, useEffect, useMemo, useState } from "react";
import { Route, Router, Switch } from "wouter";
import { useHashLocation } from "wouter/use-hash-location";
import { createClient } from "../client/index.ts";
import { PaygentProvider } from "../react/index.ts";
import { forgetToken, keepToken, SignOut, takeToken } from "./access.ts";
import { FreezeBanner } from "./freeze/freeze-banner.tsx";
import { FreezeProvider } from "./freeze/freeze-state.tsx";
import { Navigation } from "./navigation.tsx";
import { Empty, Screen } from "./parts/screen.tsx";
import { InboxScreen } from "./screens/inbox-screen.tsx";
import { ServicesScreen } from "./screens/services-screen.tsx";
import { SessionsScreen } from "./screens/sessions-screen.tsx";
import { SignInScreen } from "./screens/sign-in-screen.tsx";
import { SessionScreen } from "./session/session-screen.tsx";
import { StartScreen } from "./session/start-screen.tsx";

const LogScreen = lazy(async () => ({ default: (await import("./log/log-screen.tsx")).LogScreen }));
const PaymentsScreen = lazy(async () => ({ default: (await import("./screens/payments-screen.tsx")).PaymentsScreen }));
const SpendScreen = lazy(async () => ({ default: (await import("./screens/spend-screen.tsx")).SpendScreen }));
const PolicyScreen = lazy(async () => ({ default: (await import("./screens/policy-screen.tsx")).PolicyScreen }));

export function App({ initialToken }: { readonly initialToken: string | undefined }) {
  const [token, setToken] = useState(initialToken);
  useEffect(() => {
    // A link with a token, followed while the console is open, changes only the fragment.
    const onChange = () => location.hash.startsWith("#token=") && setToken(takeToken());
    window.addEventListener("hashchange", onChange);
    return () => window.removeEventListener("hashchange", onChange);
  }, []);
  const signIn = (given: string) => {
    keepToken(given);
    setToken(given);
  };
  const signOut = () => {
    forgetToken();
    setToken(undefined);
  };
  if (token === undefined) return <SignInScreen onToken={signIn} />;
  return <Console key={token} token={token} onSignOut={signOut} />;
}

function Console({ token, onSignOut }: { readonly token: string; readonly onSignOut: () => void }) {
  const client = useMemo(
    () =>
      createClient({
        url: new URL(".", location.href).href,
        token,
        reconnect: { baseMs: 250, maxMs: 3000 },
      }),
    [token],
  );
  return (
    <PaygentProvider client={client}>
      <SignOut value={onSignOut}>
        <Router hook={useHashLocation}>
          <FreezeProvider>
            <div className="flex h-dvh flex-col md:flex-row">
              <Navigation onSignOut={onSignOut} />
              <div className="flex min-h-0 min-w-0 flex-1 flex-col">
                <FreezeBanner />
                <div className="min-h-0 flex-1">
                  <Suspense fallback={<p className="p-8 text-soft">Loading…</p>}>
                    <Switch>
                      <Route path="/" component={StartScreen} />
                      <Route path="/inbox" component={InboxScreen} />
                      <Route path="/sessions" component={SessionsScreen} />
                      <Route path="/sessions/:id">{({ id }) => <SessionScreen key={id} sessionId={id} />}</Route>
                      <Route path="/sessions/:id/policy">{({ id }) => <PolicyScreen key={id} sessionId={id} />}</Route>
                      <Route path="/sessions/:id/log">{({ id }) => <LogScreen key={id} sessionId={id} />}</Route>
                      <Route path="/payments">{() => <PaymentsScreen />}</Route>
                      <Route path="/spend">{() => <SpendScreen />}</Route>
                      <Route path="/services" component={ServicesScreen} />
                      <Route>
                        <Screen title="No such page">
                          <Empty>The address names no page of the console. Choose one from the menu.</Empty>
                        </Screen>
                      </Route>
                    </Switch>
                  </Suspense>
                </div>
              </div>
            </div>
          </FreezeProvider>
        </Router>
      </SignOut>
    </PaygentProvider>
  );
}
