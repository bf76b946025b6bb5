import { createHash, randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { errorCode } from "./outage.ts";

/** A file of an archive, as its name tells: the events from one number to another, one a line. */
export interface Segment {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly path: string;
}

const markFile = "archive-id";
const unfinished = ".part";

/** The folder that holds the archived part of logs: one folder a session, in it files that are written once. */
export class ArchiveFolder {
  readonly path: string;
  readonly #id: string;

  /** `id` is that of the deployment whose archive it is. */
  constructor(path: string, id: string) {
    this.path = path;
    this.#id = id;
  }

  /**
   * Throws a sentence when this is not the deployment's archive: a disk that is not mounted, another server's
   * folder. Events that are moved to the wrong place are as good as lost.
   */
  async check(): Promise<void> {
    this.#expectOwn(await unlessAbsent(readFile(join(this.path, markFile), "utf8")));
  }

  /** Says that the folder is the deployment's. At once, because it is done within a transaction. */
  mark(): void {
    mkdirSync(this.path, { recursive: true, mode: 0o700 });
    const path = join(this.path, markFile);
    if (existsSync(path)) return this.#expectOwn(readFileSync(path, "utf8"));
    writeFileSync(`${path}${unfinished}`, `${this.#id}\n`, { mode: 0o600, flush: true });
    renameSync(`${path}${unfinished}`, path);
  }

  #expectOwn(id: string | undefined): void {
    if (id?.trim() === this.#id) return;
    const what = id === undefined ? "has none of" : "holds the archive of another database than";
    throw new Error(
      `The folder ${this.path} ${what} this database's archived events. Set PAYGENT_ARCHIVE_DIR to the folder that all servers of this database share; if the archive was lost, write ${this.#id} into a file ${markFile} in the new folder.`,
    );
  }

  /**
   * Puts a file in place, whole and on disk, and gives its path. One that is there already is left as it is: it
   * must be the same. Throws an `ArchiveConflict` when it is not, or when other files reach into its events.
   */
  async write(
    sessionId: string,
    { firstSeq, lastSeq }: { firstSeq: number; lastSeq: number },
    lines: AsyncIterable<string>,
  ): Promise<string> {
    await this.check();
    const folder = join(this.path, sessionId);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const path = join(folder, segmentName(firstSeq, lastSeq));
    await removeUnfinished(folder);
    const other = (await segmentsIn(folder)).find((segment) => segment.path !== path && segment.lastSeq >= firstSeq);
    if (other !== undefined) throw new ArchiveConflict(other.path, `already holds events from ${firstSeq} on`);
    const temporary = `${path}.${randomUUID()}${unfinished}`;
    const digest = await writeDurably(temporary, lines);
    const present = await digestOf(path);
    if (present === undefined) await rename(temporary, path);
    else await rm(temporary);
    if (present !== undefined && present !== digest) {
      throw new ArchiveConflict(path, "holds something else than the database has of these events");
    }
    await syncFolder(folder);
    await syncFolder(this.path);
    return path;
  }
}

/** A file of the archive and the database contradict each other. Nothing was changed; a person must look. */
export class ArchiveConflict extends Error {
  override readonly name = "ArchiveConflict";

  constructor(path: string, problem: string) {
    super(
      `The archive's file ${path} ${problem}, so no more of this session is archived. Was the database restored from an older backup? Then move the file away.`,
    );
  }
}

/** A session's files, in the order of their events. */
export async function segmentsIn(folder: string): Promise<Segment[]> {
  const names = (await unlessAbsent(readdir(folder))) ?? [];
  return names
    .flatMap((name): Segment[] => {
      const [, firstSeq, lastSeq] = /^(\d{12})-(\d{12})\.jsonl$/.exec(name) ?? [];
      if (firstSeq === undefined || lastSeq === undefined) return [];
      return [{ firstSeq: Number(firstSeq), lastSeq: Number(lastSeq), path: join(folder, name) }];
    })
    .sort((one, another) => one.firstSeq - another.firstSeq || one.lastSeq - another.lastSeq);
}

export function segmentName(firstSeq: number, lastSeq: number): string {
  const digits = (seq: number) => String(seq).padStart(12, "0");
  return `${digits(firstSeq)}-${digits(lastSeq)}.jsonl`;
}

/** What died while it was written; whoever still writes it fails at putting it in place, and has done no harm. */
async function removeUnfinished(folder: string): Promise<void> {
  for (const name of await readdir(folder))
    if (name.endsWith(unfinished)) await rm(join(folder, name), { force: true });
}

/** Writes a file that is on disk when this resolves, and gives the hash of what it holds. */
async function writeDurably(path: string, chunks: AsyncIterable<string>): Promise<string> {
  const hash = createHash("sha256");
  const file = await open(path, "w", 0o600);
  try {
    for await (const chunk of chunks) {
      hash.update(chunk);
      await file.appendFile(chunk);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return hash.digest("hex");
}

/** A name is on disk only when its folder is. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function digestOf(path: string): Promise<string | undefined> {
  const bytes = await unlessAbsent(readFile(path));
  return bytes === undefined ? undefined : createHash("sha256").update(bytes).digest("hex");
}

/** What was read, or `undefined` when there is nothing at that place; what is there and cannot be read throws. */
export async function unlessAbsent<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
