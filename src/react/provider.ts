import { createContext, createElement, type ReactElement, type ReactNode, useContext } from "react";
import type { PaygentClient } from "../client/client.ts";

const ClientContext = createContext<PaygentClient | undefined>(undefined);

/** Gives the hooks below it their client. */
export function PaygentProvider(props: {
  readonly client: PaygentClient;
  readonly children?: ReactNode;
}): ReactElement {
  return createElement(ClientContext.Provider, { value: props.client }, props.children);
}

/** The client of the nearest `PaygentProvider`. */
export function usePaygent(): PaygentClient {
  const client = useContext(ClientContext);
  if (client === undefined) {
    throw new Error("No Paygent client: render the component inside <PaygentProvider client={createClient(…)}>.");
  }
  return client;
}
