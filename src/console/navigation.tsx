import { useState } from "react";
import { Link, useLocation } from "wouter";
import { useApprovals } from "../react/index.ts";
import { useFreezeState } from "./freeze/freeze-state.tsx";
import { FreezeSwitches } from "./freeze/freeze-switches.tsx";
import { useNotifications } from "./notifications.ts";
import { Button } from "./parts/button.tsx";
import { Dialog } from "./parts/dialog.tsx";
import { useTitleCount } from "./title.ts";

const pages = [
  ["/", "New session"],
  ["/inbox", "Inbox"],
  ["/sessions", "Sessions"],
  ["/payments", "Payments"],
  ["/spend", "Spend"],
  ["/services", "Services"],
] as const;

export function Navigation({ onSignOut }: { readonly onSignOut: () => void }) {
  const [here] = useLocation();
  const [isOpen, setIsOpen] = useState(false);
  const [isFreezing, setIsFreezing] = useState(false);
  const { approvals } = useApprovals();
  const { freezes } = useFreezeState();
  const waiting = approvals.length;
  useTitleCount(waiting);
  useNotifications(approvals);
  return (
    <header className="shrink-0 border-line border-b bg-panel md:flex md:w-48 md:flex-col md:border-r md:border-b-0">
      <div className="flex items-center justify-between px-4 py-2 md:py-4">
        <Link href="/" className="font-semibold tracking-tight">
          Paygent
        </Link>
        <div className="flex gap-2 md:hidden">
          <Button onClick={() => setIsFreezing(true)}>{freezes.length === 0 ? "Freeze" : "Frozen"}</Button>
          <Dialog title="Freeze" isOpen={isFreezing} onClose={() => setIsFreezing(false)}>
            <FreezeSwitches />
            <Button className="mt-4" onClick={() => setIsFreezing(false)}>
              Close
            </Button>
          </Dialog>
          <button
            type="button"
            aria-expanded={isOpen}
            aria-controls="pages"
            onClick={() => setIsOpen(!isOpen)}
            className="min-h-8 rounded-md border border-line px-3"
          >
            Menu{waiting > 0 ? ` (${waiting})` : ""}
          </button>
        </div>
      </div>
      <nav
        id="pages"
        aria-label="Pages"
        className={`${isOpen ? "flex" : "hidden"} flex-col gap-0.5 px-2 pb-3 md:flex md:flex-1`}
      >
        {pages.map(([href, name]) => (
          <Link
            key={href}
            href={href}
            aria-current={isAt(here, href) ? "page" : undefined}
            onClick={() => setIsOpen(false)}
            className={`flex justify-between rounded-md px-2 py-1.5 hover:bg-canvas ${isAt(here, href) ? "bg-canvas font-semibold" : ""}`}
          >
            <span>{name}</span>
            {href === "/inbox" && waiting > 0 ? (
              <span className="rounded-full bg-accent px-1.5 font-semibold text-on-accent text-xs leading-5">
                {waiting}
              </span>
            ) : null}
          </Link>
        ))}
        <div className="mt-auto hidden px-2 pt-4 md:block">
          <FreezeSwitches />
        </div>
        <div className="flex flex-col gap-0.5 pt-3 text-soft">
          <a href="docs" className="rounded-md px-2 py-1.5 hover:bg-canvas">
            API
          </a>
          <button type="button" onClick={onSignOut} className="rounded-md px-2 py-1.5 text-left hover:bg-canvas">
            Sign out
          </button>
        </div>
      </nav>
    </header>
  );
}

/** A filtered list is still its page. */
function isAt(here: string, href: string): boolean {
  return here === href || here.startsWith(`${href}/where/`);
}
