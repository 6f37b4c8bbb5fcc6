import { closeSync, fdatasync, openSync, write } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isJsonObject, type Json, parseJson } from '#base';
import { hasCode, type Layout, replaceFile } from './layout.ts';
import { checkStamp, GENESIS, stamp } from './line.ts';

/** A place in the chain: the last line's sequence number and hash. `seq` is 0 before the first line. */
export interface Head {
  readonly seq: number;
  readonly hash: string;
}

/** Where every journal begins. */
export const EMPTY_HEAD: Head = { seq: 0, hash: GENESIS };

// One size for every head, so that a rewrite in place needs neither truncation nor rename.
const HEAD_BYTES = 192;
const SYNC_INTERVAL_MS = 1000;

function encodeHead(head: Head): string {
  const { text } = stamp(`{"format":1,"seq":${head.seq},"head":"${head.hash}"`);
  return `${text.padEnd(HEAD_BYTES - 1)}\n`;
}

/** Reads `head.json`. A string is what is wrong with it; undefined means there is none. */
export async function readHead(layout: Layout): Promise<Head | string | undefined> {
  let problem = 'cannot be read';
  // The writer rewrites in place: a reader that meets it in the middle looks again.
  for (let attempt = 0; attempt < 5; attempt++) {
    let bytes: Buffer;
    try {
      bytes = await readFile(layout.head);
    } catch (cause) {
      if (hasCode(cause, 'ENOENT')) return undefined;
      throw cause;
    }
    const head = decodeHead(bytes);
    if (typeof head !== 'string') return head;
    problem = head;
  }
  return problem;
}

function decodeHead(bytes: Buffer): Head | string {
  const text = bytes.toString('latin1').trimEnd();
  const checked = checkStamp(Buffer.from(text, 'latin1'));
  if (!checked.ok) return checked.error;
  const parsed = parseJson(text);
  const head: Json = parsed.ok ? parsed.value : null;
  if (!isJsonObject(head)) return 'is not JSON';
  const { seq, head: hash } = head;
  if (head['format'] !== 1) return 'has a format this version does not know';
  if (typeof seq !== 'number' || typeof hash !== 'string') return 'has no seq or head';
  // One encoding only: a changed byte of padding is a change too.
  if (encodeHead({ seq, hash }) !== bytes.toString('latin1')) return 'is not encoded as Cordon writes it';
  return { seq, hash };
}

/**
 * Keeps `head.json` at the last committed line. It trails the segments by at most one write in flight, is never
 * ahead of them, and is forced to disk once a second and at close.
 */
export class HeadFile {
  readonly #fd: number;
  #wanted: Head | undefined;
  #busy: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** Opens the head file, writing `head` to it durably first. */
  static async open(layout: Layout, head: Head): Promise<HeadFile> {
    await replaceFile(layout.head, encodeHead(head));
    return new HeadFile(openSync(layout.head, 'r+'));
  }

  /** Records a committed head without waiting. Of several in a row only the last is written. */
  record(head: Head): void {
    this.#wanted = head;
    this.#busy ??= this.#drain();
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      // A failed sync is no failed append: the head only has to be near, and the next one tries again.
      fdatasync(this.#fd, () => {});
    }, SYNC_INTERVAL_MS).unref();
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#busy;
    await new Promise<void>((resolve) => fdatasync(this.#fd, () => resolve()));
    clearTimeout(this.#timer);
    closeSync(this.#fd);
  }

  async #drain(): Promise<void> {
    while (this.#wanted !== undefined) {
      const bytes = Buffer.from(encodeHead(this.#wanted));
      this.#wanted = undefined;
      await new Promise<void>((resolve) => write(this.#fd, bytes, 0, bytes.length, 0, () => resolve()));
    }
    this.#busy = undefined;
  }
}
