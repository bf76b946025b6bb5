import { useState } from "react";
import type { Session, ToolInfo } from "../../protocol/resources.ts";
import type { Simulation } from "../../protocol/simulation.ts";
import { usePaygent } from "../../react/index.ts";
import { messageOf } from "../format.ts";
import { Notice } from "../parts/notice.tsx";
import { plainText } from "../plain-text.ts";
import { type Call, CallForm } from "./call-form.tsx";
import { Verdict } from "./verdict.tsx";

/** What a call would meet now, under the policy that is saved. Nothing is paid, set aside or asked. */
export function Simulate({ session, tools }: { readonly session: Session; readonly tools: readonly ToolInfo[] }) {
  const client = usePaygent();
  const [isAsking, setIsAsking] = useState(false);
  const [failure, setFailure] = useState<string>();
  const [found, setFound] = useState<Simulation>();

  const simulate = async (call: Call) => {
    setIsAsking(true);
    setFailure(undefined);
    setFound(undefined);
    try {
      setFound(await client.policy.simulate({ session_id: session.id, ...call }));
    } catch (error) {
      setFailure(messageOf(error));
    } finally {
      setIsAsking(false);
    }
  };
  return (
    <div className="grid items-start gap-6 lg:grid-cols-2">
      <CallForm
        tools={tools}
        isAsking={isAsking}
        onToolChange={() => setFound(undefined)}
        onSimulate={(call) => void simulate(call)}
      />
      <div className="grid gap-3">
        {isAsking ? (
          <p role="status" className="text-soft">
            Judging…
          </p>
        ) : null}
        {failure === undefined ? null : <Notice look="bad">{plainText(failure)}</Notice>}
        {found === undefined ? null : <Verdict found={found} />}
      </div>
    </div>
  );
}
