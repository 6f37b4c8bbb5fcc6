import { close, constants, fstatSync, ftruncate, open, write } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Head } from './head.ts';
import { type Layout, segmentName, syncFile } from './layout.ts';

const openFile = promisify(open);
const closeFile = promisify(close);
const truncateFile = promisify(ftruncate);

// With O_DSYNC a write returns when its data and the file's length are on disk: write and fdatasync in one call.
const { O_CREAT, O_DSYNC, O_EXCL, O_WRONLY } = constants;

/** A finished segment, not sealed yet. */
export interface FullSegment {
  readonly path: string;
  readonly first: number;
  /** Hash of the line before `first`. */
  readonly prev: string;
  readonly last: Head;
}

/** The segment being written. Bytes below `committed` are on disk and never touched again. */
export class OpenSegment {
  readonly path: string;
  readonly first: number;
  /** Hash of the line before `first`. */
  readonly prev: string;
  /** Time of creation, milliseconds since the epoch. */
  readonly openedAt: number;
  readonly #fd: number;
  #committed: number;
  #isDirty = false;

  private constructor(
    fd: number,
    committed: number,
    about: { path: string; first: number; prev: string; openedAt: number },
  ) {
    this.#fd = fd;
    this.#committed = committed;
    this.path = about.path;
    this.first = about.first;
    this.prev = about.prev;
    this.openedAt = about.openedAt;
  }

  /** Creates the segment that will begin after `head`; its name is durable when this resolves. */
  static async create(layout: Layout, head: Head, now: number): Promise<OpenSegment> {
    const first = head.seq + 1;
    const path = join(layout.segments, `${segmentName(first)}.ndjson`);
    const fd = await openFile(path, O_WRONLY | O_CREAT | O_EXCL | O_DSYNC, 0o600);
    try {
      await syncFile(layout.segments);
    } catch (cause) {
      await closeFile(fd);
      await unlink(path).catch(() => {});
      throw cause;
    }
    return new OpenSegment(fd, 0, { path, first, prev: head.hash, openedAt: now });
  }

  /** Reopens a segment whose first `committed` bytes were checked. */
  static async reopen(
    found: { path: string; first: number; prev: string; bytes: number },
    openedAt: number,
  ): Promise<OpenSegment> {
    const fd = await openFile(found.path, O_WRONLY | O_DSYNC);
    return new OpenSegment(fd, found.bytes, { ...found, openedAt });
  }

  get bytes(): number {
    return this.#committed;
  }

  /** Appends all of `bytes` durably or throws; what a failed try left behind is cut off before the next one. */
  async append(bytes: Buffer): Promise<void> {
    await this.clean();
    // Someone deleted the file under us: the kernel would accept every write and keep none.
    if (fstatSync(this.#fd).nlink === 0) throw new Error(`\`${this.path}\` was deleted`);
    this.#isDirty = true;
    for (let done = 0; done < bytes.length; ) done += await this.#write(bytes, done);
    this.#committed += bytes.length;
    this.#isDirty = false;
  }

  /** Cleans and closes the file. */
  async close(): Promise<void> {
    try {
      await this.clean();
    } finally {
      await closeFile(this.#fd);
    }
  }

  /** Cuts off what a failed append left, so that no reader takes it for recorded. */
  async clean(): Promise<void> {
    if (!this.#isDirty) return;
    await truncateFile(this.#fd, this.#committed);
    this.#isDirty = false;
  }

  #write(bytes: Buffer, from: number): Promise<number> {
    const at = this.#committed + from;
    return new Promise((resolve, reject) => {
      write(this.#fd, bytes, from, bytes.length - from, at, (error, written) => {
        if (error !== null) reject(error);
        else resolve(written);
      });
    });
  }
}
