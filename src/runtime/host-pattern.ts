/**
 * Whether a host, as a URL has it (`example.com`, `example.com:8443`), is one that a pattern names. A pattern
 * without a port stands for every port; `*.` stands for every name below, not for the name itself.
 */
export function matchesHost(pattern: string, host: string): boolean {
  const wanted = split(pattern);
  const given = split(host);
  if (wanted.port !== undefined && wanted.port !== given.port) return false;
  if (!wanted.name.startsWith("*.")) return given.name === wanted.name;
  return given.name.endsWith(wanted.name.slice(1));
}

/** Names in lower case and without the dot that may end them, so that no spelling gets past a list. */
function split(host: string): { name: string; port: string | undefined } {
  const [, name = "", port] = /^(.*?)(?::(\d+))?$/.exec(host) ?? [];
  return { name: name.toLowerCase().replace(/\.$/, ""), port };
}
