import { useState } from "react";
import type { Freeze, FreezeTarget } from "../../protocol/freeze.ts";
import { Switch } from "../parts/switch.tsx";
import { useFreezeState } from "./freeze-state.tsx";
import { isSameTarget, targetOf } from "./freeze-words.ts";
import { ReleaseDialog } from "./release-dialog.tsx";

/** Stops payments at once, of all that the token's scopes allow; letting them go on asks first. */
export function FreezeSwitches() {
  const { freezes, sessionId, identity, isChanging, freeze } = useFreezeState();
  const [releasing, setReleasing] = useState<Freeze>();
  const isAdmin = identity?.scopes.includes("admin") === true;
  if (identity === undefined || !(isAdmin || identity.scopes.includes("approve"))) return null;
  const targets: readonly (readonly [FreezeTarget, string])[] = [
    ...(sessionId === undefined ? [] : [[{ scope: "session", session_id: sessionId }, "this session"] as const]),
    [{ scope: "user" }, "all my sessions"],
    ...(isAdmin ? [[{ scope: "all" }, "everybody"] as const] : []),
  ];
  return (
    <fieldset className="grid gap-1.5">
      <legend className="mb-1.5 font-semibold text-xs">Freeze payments of</legend>
      {targets.map(([target, name]) => {
        const held = freezes.find((each) => isSameTarget(targetOf(each), target) && isMine(each, identity.user_id));
        return (
          <Switch
            key={target.scope}
            look="stop"
            label={
              <>
                <span className="sr-only">Freeze </span>
                {name}
              </>
            }
            checked={held !== undefined}
            disabled={isChanging}
            onChange={() => (held === undefined ? freeze(target) : setReleasing(held))}
          />
        );
      })}
      {releasing === undefined ? null : <ReleaseDialog freeze={releasing} onClose={() => setReleasing(undefined)} />}
    </fieldset>
  );
}

/** Another user's freeze of their own sessions is not the reader's to lift. */
function isMine({ user_id }: Freeze, userId: string): boolean {
  return user_id === undefined || user_id === userId;
}
