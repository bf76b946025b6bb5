import { useState } from "react";
import { setWantsNotifications, wantsNotifications } from "./notifications.ts";
import { Switch } from "./parts/switch.tsx";

/** Turns notification and sound on for this browser. */
export function NotifySwitch() {
  const [isOn, setIsOn] = useState(wantsNotifications);
  const [isForbidden, setIsForbidden] = useState(() => isOn && permission() !== "granted");
  const change = async (wanted: boolean) => {
    setWantsNotifications(wanted);
    setIsOn(wanted);
    const answer = wanted && permission() !== "none" ? await Notification.requestPermission() : permission();
    setIsForbidden(wanted && answer !== "granted");
  };
  return (
    <div>
      <Switch label="Notify me, with a sound" checked={isOn} onChange={(wanted) => void change(wanted)} />
      <p role="status" className="text-soft text-xs">
        {isForbidden
          ? "This browser shows no notifications of this page; allow them in its settings. The sound stays."
          : ""}
      </p>
    </div>
  );
}

function permission(): NotificationPermission | "none" {
  return "Notification" in window ? Notification.permission : "none";
}
