import { useCallback } from "react";
import { parseUnits } from "../../protocol/money.ts";
import type { Service, ToolInfo } from "../../protocol/resources.ts";
import { usePaygent } from "../../react/index.ts";
import { Loading } from "../parts/loading.tsx";
import { Empty, Screen } from "../parts/screen.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { plainText } from "../plain-text.ts";
import { useLoaded } from "../use-loaded.ts";

function Name({ children }: { readonly children: string }) {
  return <span className="font-mono">{plainText(children)}</span>;
}

const serviceColumns: readonly Column<Service>[] = [
  { name: "Name", sortBy: ({ name }) => name, cell: ({ name }) => <Name>{name}</Name> },
  {
    name: "Price",
    isFigure: true,
    sortBy: ({ price }) => parseUnits(price, 18) ?? 0n,
    cell: ({ price, currency }) => `${price} ${plainText(currency)}`,
  },
  { name: "Network", sortBy: ({ network }) => network, cell: ({ network }) => plainText(network) },
  { name: "What it says of itself", cell: ({ description }) => plainText(description) },
];

const toolColumns: readonly Column<ToolInfo>[] = [
  { name: "Name", sortBy: ({ name }) => name, cell: ({ name }) => <Name>{name}</Name> },
  { name: "Effect", sortBy: ({ effect }) => effect, cell: ({ effect }) => effect },
  { name: "What it does", cell: ({ description }) => plainText(description) },
];

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
            <Table label="Services" columns={serviceColumns} rows={data} keyOf={({ name }) => name} />
          )
        }
      </Loading>
      <h2 className="mt-8 mb-3 font-semibold text-base">Tools of the agent</h2>
      <Loading of={tools} again={toolsAgain}>
        {({ data }) => <Table label="Tools" columns={toolColumns} rows={data} keyOf={({ name }) => name} />}
      </Loading>
    </Screen>
  );
}
