import { type FileHandle, open } from 'node:fs/promises';
import type { Head } from './head.ts';
import { decodeLine, type Line, MAX_LINE_BYTES } from './line.ts';

/** The first place where a file does not continue the chain. */
export interface Break {
  /** Counts from 1. */
  readonly line: number;
  /** Byte offset at which the line begins. */
  readonly offset: number;
  readonly reason: string;
  /** True when nothing but an interrupted write explains the rest of the file as well as damage does. */
  readonly torn: boolean;
}

/** What walking one segment found. */
export interface Scan {
  /** The chain after the last good line. */
  readonly head: Head;
  readonly lines: number;
  /** Bytes of good lines. */
  readonly bytes: number;
  readonly break?: Break;
}

const CHUNK_BYTES = 1024 * 1024;

/**
 * Walks the NDJSON segment `path` from `start`, line by line, until its end or its first break. `onLine` sees every good line,
 * whose event it may keep only as a copy.
 */
export async function scanSegment(path: string, start: Head, onLine?: (line: Line) => void): Promise<Scan> {
  const handle = await open(path, 'r');
  try {
    return await scanHandle(handle, start, onLine);
  } finally {
    await handle.close();
  }
}

async function scanHandle(handle: FileHandle, start: Head, onLine?: (line: Line) => void): Promise<Scan> {
  let head = start;
  let lines = 0;
  let bytes = 0;
  // Read into again and again: what is left of the last read stands at its beginning.
  const buffer = Buffer.allocUnsafe(MAX_LINE_BYTES + CHUNK_BYTES);
  let rest = 0;
  const broken = (reason: string, torn: boolean): Scan => {
    return { head, lines, bytes, break: { line: lines + 1, offset: bytes, reason, torn } };
  };
  for (;;) {
    const { bytesRead } = await handle.read(buffer, rest, CHUNK_BYTES, bytes + rest);
    const data = buffer.subarray(0, rest + bytesRead);
    let from = 0;
    for (let end = data.indexOf(10, rest); end !== -1; end = data.indexOf(10, from)) {
      const line = follow(data.subarray(from, end), head);
      if (typeof line === 'string') return broken(line, isTorn(await readTail(handle, bytes)));
      head = { seq: line.seq, hash: line.hash };
      lines++;
      bytes += end + 1 - from;
      from = end + 1;
      onLine?.(line);
    }
    rest = data.copy(buffer, 0, from);
    const atEnd = bytesRead === 0;
    if (atEnd && rest === 0) return { head, lines, bytes };
    if (atEnd || rest > MAX_LINE_BYTES) return broken('is incomplete', atEnd && isTorn(buffer.subarray(0, rest)));
  }
}

/** The line in `bytes` if it is whole and continues the chain; else what is wrong with it. */
function follow(bytes: Buffer, head: Head): Line | string {
  const line = decodeLine(bytes);
  if (!line.ok) return line.error;
  return breakOf(line.value, head) ?? line.value;
}

/** Why `line` does not follow `head`, or undefined. */
export function breakOf(line: Pick<Line, 'seq' | 'prev'>, head: Head): string | undefined {
  if (line.seq !== head.seq + 1) return `has seq ${line.seq} where ${head.seq + 1} was expected`;
  if (line.prev !== head.hash) return 'does not carry the hash of the line before it';
  return undefined;
}

/**
 * An interrupted write leaves a last line without its end or, after a power loss, pages of zeros. It never leaves
 * a whole line after the bad one, and JSON never holds a zero byte.
 */
function isTorn(tail: Buffer): boolean {
  if (tail.length > 4 * MAX_LINE_BYTES + CHUNK_BYTES) return false;
  if (!tail.includes(10)) return true;
  if (!tail.includes(0)) return false;
  for (let from = 0, end = tail.indexOf(10); end !== -1; from = end + 1, end = tail.indexOf(10, from)) {
    if (decodeLine(tail.subarray(from, end)).ok) return false;
  }
  return true;
}

async function readTail(handle: FileHandle, from: number): Promise<Buffer> {
  const size = Math.min((await handle.stat()).size - from, 4 * MAX_LINE_BYTES + CHUNK_BYTES + 1);
  const tail = Buffer.alloc(Math.max(0, size));
  const { bytesRead } = await handle.read(tail, 0, tail.length, from);
  return tail.subarray(0, bytesRead);
}
