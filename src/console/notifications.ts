import { useEffect, useRef } from "react";
import type { ApprovalRequired } from "../protocol/events.ts";
import { plainText } from "./plain-text.ts";

const storageKey = "paygent.notify";

export function wantsNotifications(): boolean {
  return localStorage.getItem(storageKey) === "yes";
}

export function setWantsNotifications(wanted: boolean): void {
  localStorage.setItem(storageKey, wanted ? "yes" : "no");
}

/** Tells of requests that came since the page was opened, by a notification and a sound, where that is wanted. */
export function useNotifications(approvals: readonly ApprovalRequired[]): void {
  const known = useRef<ReadonlySet<string> | undefined>(undefined);
  useEffect(() => {
    const before = known.current;
    known.current = new Set(approvals.map(({ request_id }) => request_id));
    const fresh = approvals.filter(({ request_id }) => before?.has(request_id) === false);
    const [first] = fresh;
    if (first === undefined || !wantsNotifications()) return;
    beep();
    if ("Notification" in window && Notification.permission === "granted") {
      const { amount, currency, payee, tool_name } = first;
      const note = new Notification("An agent asks for approval", {
        body: plainText(`${tool_name}: ${amount} ${currency} ${payee === undefined ? "" : `to ${payee}`}`),
        tag: first.request_id,
      });
      note.onclick = () => {
        window.focus();
        location.hash = "#/inbox";
      };
    }
  }, [approvals]);
}

function beep(): void {
  const audio = new AudioContext();
  const tone = audio.createOscillator();
  const volume = audio.createGain();
  volume.gain.value = 0.1;
  tone.connect(volume).connect(audio.destination);
  tone.onended = () => void audio.close();
  tone.start();
  tone.stop(audio.currentTime + 0.15);
}
