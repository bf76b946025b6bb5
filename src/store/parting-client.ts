import pg from "pg";

/** Long enough for a server that answers. */
const farewellMs = 1000;

/**
 * A client that waits only so long for its connection to end: from a server that has fallen silent no farewell
 * comes, nor the answers that `pg` lets come in first, and whoever closed the client would wait with it.
 */
export class PartingClient extends pg.Client {
  /** As `pg` does, in both its shapes. */
  override end(...given: unknown[]): never {
    const { connection } = this;
    const late = setTimeout(() => connection.stream.destroy(), farewellMs).unref();
    connection.once("end", () => clearTimeout(late));
    return super.end(...(given as [() => void])) as never;
  }
}
