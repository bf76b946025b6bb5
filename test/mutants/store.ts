import type { Mutant } from "./mutant.ts";

export const storeMutants: readonly Mutant[] = [
  {
    promise: "I17",
    defect: "what is not committed yet can be read",
    file: "src/store/node-sqlite.ts",
    find: "(writer.isTransaction ? amid : between).all(parameters)",
    replace: "between.all(parameters)",
    test: "src/store/committed-reads.test.ts",
  },
  {
    promise: "I17",
    defect: "the reading side can write",
    file: "src/store/node-sqlite.ts",
    find: 'if (!sql.startsWith("select ")) return amid;',
    replace: 'if (!sql.startsWith("select ")) return wrap(writer.prepare(sql));',
    test: "src/store/committed-reads.test.ts",
  },
];
