import { useCallback, useState } from "react";
import { useLocation } from "wouter";
import { newId } from "../../protocol/new-id.ts";
import { SessionConfig } from "../../protocol/session-config.ts";
import { usePaygent } from "../../react/index.ts";
import { Failure } from "../parts/failure.tsx";
import { plainText } from "../plain-text.ts";
import { useTitle } from "../title.ts";
import { useLoaded } from "../use-loaded.ts";
import { CommandBox } from "./command-box.tsx";
import { Examples } from "./examples.tsx";
import { modelHint } from "./model-hint.ts";

/** What a session that is created without a config may do. */
const policy = SessionConfig.parse({});

/** A fresh session: it is created with its first command. */
export function StartScreen() {
  const client = usePaygent();
  const [, navigate] = useLocation();
  const [failure, setFailure] = useState<unknown>();
  const [isStarting, setIsStarting] = useState(false);
  const [tools] = useLoaded(useCallback(() => client.tools.list(), [client]));
  const [wallet, readWallet] = useLoaded(useCallback(() => client.wallet.get(), [client]));
  useTitle("New session");

  const run = async (command: string) => {
    setFailure(undefined);
    setIsStarting(true);
    try {
      const session = await client.sessions.create({ title: command.slice(0, 200) });
      await client.executions.create(session.id, { command, execution_id: newId() });
      navigate(`/sessions/${session.id}`);
    } catch (error) {
      setFailure(error);
      setIsStarting(false);
    }
  };
  return (
    <main className="h-full overflow-y-auto px-4">
      <div className="mx-auto flex min-h-full max-w-2xl flex-col justify-center gap-5 py-10">
        <div>
          <h1 className="font-semibold text-xl">What should the agent do?</h1>
          <p className="mt-1 text-soft">
            It may spend {policy.budget_usd} USD in this session, and asks you before it pays more than{" "}
            {policy.approval_threshold_usd} USD at once.
            {wallet.state === "ready"
              ? plainText(
                  ` Its wallet holds ${wallet.value.amount} ${wallet.value.currency} on ${wallet.value.network}.`,
                )
              : ""}
          </p>
        </div>
        {failure !== undefined ? (
          <Failure error={failure} />
        ) : wallet.state === "failed" ? (
          <Failure error={wallet.error} again={readWallet} />
        ) : null}
        <CommandBox
          history={[]}
          hint={modelHint(tools.state === "ready" ? tools.value.model : undefined)}
          isBusy={isStarting}
          onRun={(text) => void run(text)}
        />
        <section aria-label="Examples">
          <h2 className="mb-2 font-semibold text-soft text-xs">Or begin with one of these</h2>
          <Examples isBusy={isStarting} onRun={(command) => void run(command)} />
        </section>
      </div>
    </main>
  );
}
