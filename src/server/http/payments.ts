import { statementCsv } from "../../protocol/statement-csv.ts";
import type { Api } from "./api.ts";
import { type Handlers, value } from "./handler.ts";
import { page, wholeList } from "./paging.ts";

type Names = "getWallet" | "listServices" | "listPayments" | "totalPayments" | "getPayment" | "readStatement";

export function paymentHandlers(api: Api): Handlers<Names> {
  return {
    async getWallet({ identity }) {
      return value(200, await api.getWallet(identity));
    },
    async listServices({ identity }) {
      return value(200, wholeList(await api.listServices(identity)));
    },
    async listPayments({ identity, query }) {
      const list = await page(
        query,
        (slice) => api.listPayments(identity, { ...query, ...slice, ...periodOf(query) }),
        ({ quoted_at, payment_id }) => ({ at: quoted_at, id: payment_id }),
      );
      return value(200, list);
    },
    async totalPayments({ identity, query }) {
      return value(200, await api.totalPayments(identity, { ...query, ...periodOf(query) }));
    },
    async getPayment({ identity, params }) {
      return value(200, await api.getPayment(identity, params.payment_id));
    },
    async readStatement({ identity, query, header }) {
      const statement = await api.readStatement(identity, { session_id: query.session_id, ...periodOf(query) });
      const isCsv = query.format === undefined ? prefersCsv(header("accept") ?? "") : query.format === "csv";
      if (!isCsv) return value(200, statement);
      const fileName = `paygent-${query.session_id}.csv`;
      return { kind: "csv", text: statementCsv(statement), fileName };
    },
  };
}

interface Period {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** Times as the store writes them, with milliseconds: they are compared as text. */
function periodOf({ from, to }: Period): Period {
  const exact = (time: string | undefined) => (time === undefined ? undefined : new Date(time).toISOString());
  return { from: exact(from), to: exact(to) };
}

function prefersCsv(accept: string): boolean {
  return /(?:^|,)\s*text\/csv\s*(?:;|,|$)/i.test(accept);
}
