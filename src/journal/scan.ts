import { open } from 'node:fs/promises';
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

/** Walks the NDJSON segment `path` from `start`, line by line, until its end or its first break. `onLine` sees every good line. */
export async function scanSegment(path: string, start: Head, onLine?: (line: Line) => void): Promise<Scan> {
  const handle = await open(path, 'r');
  try {
    let head = start;
    let lines = 0;
    let bytes = 0;
    let rest: Buffer = Buffer.alloc(0);
    for (;;) {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
      const { bytesRead } = await handle.read(chunk, 0, CHUNK_BYTES, bytes + rest.length);
      const data: Buffer = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
      let from = 0;
      for (let end = data.indexOf(10); end !== -1; end = data.indexOf(10, from)) {
        const line = decodeLine(data.subarray(from, end));
        const reason = line.ok ? breakOf(line.value, head) : line.error;
        if (reason !== undefined || !line.ok) {
          const tail = await readTail(handle, bytes);
          return {
            head,
            lines,
            bytes,
            break: { line: lines + 1, offset: bytes, reason: reason ?? '', torn: isTorn(tail) },
          };
        }
        head = { seq: line.value.seq, hash: line.value.hash };
        lines++;
        bytes += end + 1 - from;
        from = end + 1;
        onLine?.(line.value);
      }
      rest = data.subarray(from);
      const atEnd = bytesRead === 0;
      if (atEnd && rest.length === 0) return { head, lines, bytes };
      if (atEnd || rest.length > MAX_LINE_BYTES) {
        const torn = atEnd && isTorn(rest);
        return { head, lines, bytes, break: { line: lines + 1, offset: bytes, reason: 'is incomplete', torn } };
      }
    }
  } finally {
    await handle.close();
  }
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

async function readTail(handle: Awaited<ReturnType<typeof open>>, from: number): Promise<Buffer> {
  const size = Math.min((await handle.stat()).size - from, 4 * MAX_LINE_BYTES + CHUNK_BYTES + 1);
  const tail = Buffer.alloc(Math.max(0, size));
  const { bytesRead } = await handle.read(tail, 0, tail.length, from);
  return tail.subarray(0, bytesRead);
}
