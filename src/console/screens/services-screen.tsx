import { useCallback } from "react";
import { usePaygent } from "../../react/index.ts";
import { Loading } from "../parts/loading.tsx";
import { Empty, Screen } from "../parts/screen.tsx";
import { Table } from "../parts/table.tsx";
import { plainText } from "../plain-text.ts";
import { useLoaded } from "../use-loaded.ts";

/** What the agent can buy by name, and the tools it has. */
export function ServicesScreen() {
  const client = usePaygent();
  const [services, again] = useLoaded(useCallback(() => client.services.list(), [client]));
  const [tools, toolsAgain] = useLoaded(useCallback(() => client.tools.list(), [client]));
  return (
    <Screen title="Services">
      <Loading of={services} again={again}>
        {({ data }) =>
          data.length === 0 ? (
            <Empty>The catalogue is empty.</Empty>
          ) : (
            <Table
              label="Services"
              columns={["Name", "Price", "Network", "What it says of itself"]}
              rows={data.map(({ name, price, currency, network, description }) => ({
                key: name,
                cells: [
                  <span key="name" className="font-mono">
                    {plainText(name)}
                  </span>,
                  `${price} ${plainText(currency)}`,
                  plainText(network),
                  plainText(description),
                ],
              }))}
            />
          )
        }
      </Loading>
      <h2 className="mt-8 mb-3 font-semibold text-base">Tools of the agent</h2>
      <Loading of={tools} again={toolsAgain}>
        {({ data }) => (
          <Table
            label="Tools"
            columns={["Name", "Effect", "What it does"]}
            rows={data.map(({ name, effect, description }) => ({
              key: name,
              cells: [
                <span key="name" className="font-mono">
                  {plainText(name)}
                </span>,
                effect,
                plainText(description),
              ],
            }))}
          />
        )}
      </Loading>
    </Screen>
  );
}
