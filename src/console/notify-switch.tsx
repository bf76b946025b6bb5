import { useState } from "react";
import { setWantsNotifications, wantsNotifications } from "./notifications.ts";

/** Turns notification and sound on for this browser. */
export function NotifySwitch() {
  const [isOn, setIsOn] = useState(wantsNotifications);
  const change = (wanted: boolean) => {
    setWantsNotifications(wanted);
    setIsOn(wanted);
    if (wanted && "Notification" in window) void Notification.requestPermission();
  };
  return (
    <label className="flex items-center gap-2">
      <input
        type="checkbox"
        checked={isOn}
        onChange={(event) => change(event.target.checked)}
        className="size-4 accent-accent"
      />
      Notify me, with a sound
    </label>
  );
}
