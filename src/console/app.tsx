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
import { SignInScreen } from "./screens/sign-in-screen.tsx";
import { SessionScreen } from "./session/session-screen.tsx";
import { StartScreen } from "./session/start-screen.tsx";

const LogScreen = lazy(async () => ({ default: (await import("./log/log-screen.tsx")).LogScreen }));
const PaymentScreen = lazy(async () => ({ default: (await import("./paid/payment-screen.tsx")).PaymentScreen }));
const PaymentsScreen = lazy(async () => ({ default: (await import("./paid/payments-screen.tsx")).PaymentsScreen }));
const PolicyScreen = lazy(async () => ({ default: (await import("./policy/policy-screen.tsx")).PolicyScreen }));
const ServicesScreen = lazy(async () => ({ default: (await import("./screens/services-screen.tsx")).ServicesScreen }));
const SessionsScreen = lazy(async () => ({ default: (await import("./screens/sessions-screen.tsx")).SessionsScreen }));
const SpendScreen = lazy(async () => ({ default: (await import("./spend/spend-screen.tsx")).SpendScreen }));

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
                      <Route path="/sessions">{() => <SessionsScreen />}</Route>
                      <Route path="/sessions/:id">{({ id }) => <SessionScreen key={id} sessionId={id} />}</Route>
                      <Route path="/sessions/:id/policy">{({ id }) => <PolicyScreen key={id} sessionId={id} />}</Route>
                      <Route path="/sessions/:id/log">{({ id }) => <LogScreen key={id} sessionId={id} />}</Route>
                      <Route path="/payments">{() => <PaymentsScreen where={undefined} />}</Route>
                      <Route path="/payments/where/:filter">{({ filter }) => <PaymentsScreen where={filter} />}</Route>
                      <Route path="/payments/:id">{({ id }) => <PaymentScreen key={id} paymentId={id} />}</Route>
                      <Route path="/spend">{() => <SpendScreen />}</Route>
                      <Route path="/services">{() => <ServicesScreen />}</Route>
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
