import type { ReactNode } from "react";

/** A table that becomes a stack of cards on a phone: its cells carry their column's name. */
export function Table({
  label,
  columns,
  rows,
}: {
  readonly label: string;
  readonly columns: readonly string[];
  readonly rows: readonly { readonly key: string; readonly cells: readonly ReactNode[] }[];
}) {
  return (
    <table aria-label={label} className="block w-full border-line border-y md:table md:border-collapse">
      <thead className="hidden md:table-header-group">
        <tr>
          {columns.map((column) => (
            <th
              key={column}
              scope="col"
              className="border-line border-b py-1.5 pr-4 text-left font-semibold text-soft text-xs"
            >
              {column}
            </th>
          ))}
        </tr>
      </thead>
      <tbody className="block md:table-row-group">
        {rows.map(({ key, cells }) => (
          <tr key={key} className="block border-line border-b py-2 last:border-b-0 md:table-row md:py-0">
            {columns.map((column, index) => (
              <td key={column} className="block align-top md:table-cell md:border-line md:border-b md:py-1.5 md:pr-4">
                <span className="mr-2 text-soft text-xs md:hidden">{column}</span>
                {cells[index]}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
