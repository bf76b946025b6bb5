import { readFileSync, writeFileSync } from "node:fs";
import * as z from "zod";

// npm leaves optional packages for other platforms out of package-lock.json when the registry that it was
// made with does not have them, and `npm ci` then refuses the file. This adds them: run it after `npm install`.

const Entry = z.looseObject({ optionalDependencies: z.record(z.string(), z.string()).optional() });
const Lock = z.looseObject({ packages: z.record(z.string(), Entry) });

const systems = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const processors: Readonly<Record<string, string>> = {
  amd64: "x64",
  arm: "arm",
  arm64: "arm64",
  ia32: "ia32",
  loong64: "loong64",
  mips64el: "mips64el",
  ppc64: "ppc64",
  riscv64: "riscv64",
  s390x: "s390x",
  wasm32: "wasm32",
  x64: "x64",
};

const file = new URL("../package-lock.json", import.meta.url);
const lock = Lock.parse(JSON.parse(readFileSync(file, "utf8")));
const added: string[] = [];
for (const { optionalDependencies = {} } of Object.values(lock.packages)) {
  for (const [name, range] of Object.entries(optionalDependencies)) {
    const key = `node_modules/${name}`;
    const platform = platformOf(name);
    if (lock.packages[key] !== undefined || platform === undefined) continue;
    lock.packages[key] = { version: range.replace(/^[~^]/, ""), optional: true, ...platform };
    added.push(name);
  }
}
const sorted = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(file, `${JSON.stringify({ ...lock, packages: sorted }, null, 2)}\n`);
process.stdout.write(`Added ${added.length} packages for other platforms.\n`);

/** What a platform package's name says it is for; undefined when it is for none in particular. */
function platformOf(name: string): { cpu: string[]; os?: string[]; libc?: string[] } | undefined {
  const words = name.split(/[-/]/);
  const cpu = words.map((word) => processors[word.replace("arm64v8", "arm64")]).find((found) => found !== undefined);
  if (cpu === undefined) return undefined;
  const os = words.find((word) => systems.includes(word));
  const libc = words.includes("musl") ? "musl" : words.includes("gnu") ? "glibc" : undefined;
  return { cpu: [cpu], ...(os === undefined ? {} : { os: [os] }), ...(libc === undefined ? {} : { libc: [libc] }) };
}
