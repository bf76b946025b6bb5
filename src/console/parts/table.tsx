import {
  createColumnHelper,
  createSortedRowModel,
  rowSortingFeature,
  sortFn_basic,
  tableFeatures,
  useTable,
} from "@tanstack/react-table";
import { type ReactNode, useMemo } from "react";

export interface Column<Row> {
  readonly name: string;
  readonly cell: (row: Row) => ReactNode;
  /** What the rows can be sorted by; without it they cannot be by this column. */
  readonly sortBy?: (row: Row) => string | number | bigint;
  /** For figures, which stand below each other by their last digit. */
  readonly isFigure?: true;
}

const features = tableFeatures({
  rowSortingFeature,
  sortedRowModel: createSortedRowModel(),
  sortFns: { basic: sortFn_basic },
});

/**
 * A table whose columns sort it, and that becomes a stack of cards on a phone, where cells carry their column's
 * name. `columns` keeps its identity.
 */
export function Table<Row>({
  label,
  columns,
  rows,
  keyOf,
}: {
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
}) {
  const definitions = useMemo(() => {
    const helper = createColumnHelper<typeof features, { readonly row: Row }>();
    return columns.map(({ name, cell, sortBy }) =>
      helper.accessor(({ row }): unknown => sortBy?.(row), {
        id: name,
        header: name,
        cell: (context) => cell(context.row.original.row),
        enableSorting: sortBy !== undefined,
        sortFn: "basic",
      }),
    );
  }, [columns]);
  const data = useMemo(() => rows.map((row) => ({ row })), [rows]);
  const table = useTable({ features, columns: definitions, data, getRowId: ({ row }) => keyOf(row) });
  const figures = new Set(columns.filter(({ isFigure }) => isFigure).map(({ name }) => name));
  return (
    <table aria-label={label} className="block w-full border-line border-y md:table md:border-collapse">
      <thead className="hidden md:table-header-group">
        {table.getHeaderGroups().map((group) => (
          <tr key={group.id}>
            {group.headers.map(({ column }) => {
              const sorted = column.getIsSorted();
              return (
                <th
                  key={column.id}
                  scope="col"
                  aria-sort={sorted === false ? undefined : sorted === "asc" ? "ascending" : "descending"}
                  className={`border-line border-b py-1.5 pr-4 font-semibold text-soft text-xs last:pr-0 ${figures.has(column.id) ? "text-right" : "text-left"}`}
                >
                  {column.getCanSort() ? (
                    <button
                      type="button"
                      onClick={column.getToggleSortingHandler()}
                      className={`inline-flex min-h-6 items-center font-semibold hover:text-ink ${figures.has(column.id) ? "flex-row-reverse" : ""}`}
                    >
                      {column.id}
                      <span aria-hidden="true" className="inline-block w-3 text-center">
                        {sorted === false ? "" : sorted === "asc" ? "↑" : "↓"}
                      </span>
                    </button>
                  ) : (
                    column.id
                  )}
                </th>
              );
            })}
          </tr>
        ))}
      </thead>
      <tbody className="block md:table-row-group">
        {table.getRowModel().rows.map((row) => (
          <tr key={row.id} className="block border-line border-b py-2 last:border-b-0 md:table-row md:py-0">
            {row.getAllCells().map((cell) => (
              <td
                key={cell.id}
                className={`flex justify-between gap-4 md:table-cell md:border-line md:border-b md:py-1.5 md:pr-4 md:align-top md:last:pr-0 ${figures.has(cell.column.id) ? "tabular-nums md:text-right" : ""}`}
              >
                <span className="shrink-0 text-soft text-xs md:hidden">{cell.column.id}</span>
                <span className="min-w-0 text-right md:text-inherit">
                  <table.FlexRender cell={cell} />
                </span>
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
