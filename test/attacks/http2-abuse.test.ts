import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '#base';
import { type Cordon, startCordon, textSource } from '#server';
import { FLAG, FRAME, field, frame, type FrameClient, frames, request, setting, word } from './http2-frames.ts';

const CONSOLE = join(import.meta.dirname, '../../console/dist');
const HOST = 'verify.localhost';
const TEXT = `listen: { http: off, tls: "127.0.0.1:0" }
probe: { every: off }
gateway: { limits: { idle_timeout: 1s } }
`;
const MEBIBYTE = 1024 * 1024;

let cordon: Cordon;
let port = 0;
let folder = '';

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cordon-h2-'));
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const source = textSource({ text: TEXT, policies: {} }, join(folder, 'data'));
  cordon = await startCordon({ version: '0', clock: systemClock, uid: 0, log, consoleDirectory: CONSOLE, source });
  port = cordon.ports.tls ?? 0;
});
after(async () => {
  await cordon.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Somebody else, who must not notice: the status, within a second. */
async function someoneElse(): Promise<number> {
  return await new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, servername: HOST, headers: { host: HOST }, agent: false as const };
    const asking = httpsRequest(
      { ...options, rejectUnauthorized: false, signal: AbortSignal.timeout(1000) },
      (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      },
    );
    asking.on('error', reject).end();
  });
}

async function endOf(client: FrameClient, ms: number): Promise<boolean> {
  for (let waited = 0; waited < ms && !client.isEnded(); waited += 20) await sleep(20);
  return client.isEnded();
}

/** Sends rounds of what `bytes` makes until the other end has had enough, at most `rounds`; true when it has. */
async function flood(client: FrameClient, rounds: number, bytes: (round: number) => Buffer): Promise<boolean> {
  for (let round = 0; round < rounds && !client.isEnded(); round++) {
    if (!(await client.send(bytes(round)))) break;
    if (round % 10 === 9) await sleep(0);
  }
  return await endOf(client, 3000);
}

const streamOf = (index: number): number => 2 * index + 1;
const open = (stream: number, { method = 'GET', isLast = true } = {}): Buffer =>
  frame(FRAME.headers, FLAG.endHeaders | (isLast ? FLAG.endStream : 0), stream, request(HOST, method));
/** Many of a frame in one write. */
const many = (count: number, one: (index: number) => Buffer): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, index) => one(index)));

interface Abuse {
  readonly name: string;
  readonly settings?: readonly Buffer[];
  readonly rounds: number;
  readonly bytes: (round: number) => Buffer;
}

/** What ends the connection of whoever does it. */
const ENDED: readonly Abuse[] = [
  {
    name: 'rapid reset (CVE-2023-44487): streams that are reset as soon as they are opened',
    rounds: 100,
    bytes: (round) =>
      many(100, (i) =>
        Buffer.concat([open(streamOf(round * 100 + i)), frame(FRAME.reset, 0, streamOf(round * 100 + i), word(8))]),
      ),
  },
  {
    name: 'made-you-reset (CVE-2025-8671): streams that the other end has to reset, for windows that grow by nothing',
    rounds: 100,
    bytes: (round) =>
      many(100, (i) => {
        const stream = streamOf(round * 100 + i);
        return Buffer.concat([
          open(stream, { method: 'POST', isLast: false }),
          frame(FRAME.windowUpdate, 0, stream, word(0)),
        ]);
      }),
  },
  {
    name: 'a flood of CONTINUATION (CVE-2024-27316): a head without end',
    rounds: 200,
    bytes: (round) =>
      round === 0
        ? frame(FRAME.headers, FLAG.endStream, 1, request(HOST))
        : many(50, (i) => frame(FRAME.continuation, 0, 1, field(`x-${round}-${i}`, 'x'.repeat(1000)))),
  },
  {
    name: 'CONTINUATION frames with nothing in them',
    rounds: 200,
    bytes: (round) =>
      round === 0
        ? frame(FRAME.headers, FLAG.endStream, 1, request(HOST))
        : many(100, () => frame(FRAME.continuation, 0, 1)),
  },
  {
    name: 'settings with more entries than there are settings',
    rounds: 1,
    bytes: () =>
      frame(
        FRAME.settings,
        0,
        0,
        many(2000, (i) => setting(0x100 + (i % 256), i)),
      ),
  },
  {
    name: 'more streams at once than were allowed',
    rounds: 200,
    bytes: (round) => many(50, (i) => open(streamOf(round * 50 + i), { method: 'POST', isLast: false })),
  },
];

/** What is only a nuisance, as long as it costs little. */
const BORNE: readonly Abuse[] = [
  {
    name: 'pings without end',
    rounds: 200,
    bytes: () => many(100, () => frame(FRAME.ping, 0, 0, Buffer.alloc(8))),
  },
  {
    name: 'settings without end',
    rounds: 200,
    bytes: (round) => many(100, () => frame(FRAME.settings, 0, 0, setting(3, 100 + (round % 7)))),
  },
  {
    name: 'DATA frames with nothing in them',
    rounds: 200,
    bytes: (round) =>
      round === 0 ? open(1, { method: 'POST', isLast: false }) : many(200, () => frame(FRAME.data, 0, 1)),
  },
  {
    name: 'priorities that change without end',
    rounds: 200,
    bytes: (round) =>
      many(200, (i) =>
        frame(FRAME.priority, 0, streamOf((round * 200 + i) % 5000), Buffer.concat([word(0), Buffer.from([i % 255])])),
      ),
  },
  {
    name: 'one field of the table named again and again (HPACK bomb)',
    rounds: 20,
    bytes: (round) => {
      const block = Buffer.concat([
        request(HOST),
        field('x-bomb', 'x'.repeat(3000), { isIndexed: true }),
        Buffer.alloc(3000, 0x80 | 62),
      ]);
      return frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, streamOf(round), block);
    },
  },
];

async function measured(work: () => Promise<void>): Promise<number> {
  const before = process.memoryUsage().rss;
  await work();
  return process.memoryUsage().rss - before;
}

describe('HTTP/2 abuse', () => {
  it('is none of a client that asks a hundred times, one after the other, pings and resets now and then', async () => {
    const client = await frames(port, HOST);
    for (let i = 0; i < 100; i++) {
      await client.send(open(streamOf(i)));
      if (i % 10 === 0) await client.send(frame(FRAME.ping, 0, 0, Buffer.alloc(8)));
      if (i % 20 === 0) await client.send(frame(FRAME.reset, 0, streamOf(i), word(8)));
      await sleep(5);
    }
    assert.equal(client.isEnded(), false);
    client.socket.destroy();
  });

  for (const { name, settings = [], rounds, bytes } of ENDED) {
    it(`ends the connection for ${name}, and nobody else notices`, async () => {
      const grown = await measured(async () => {
        const client = await frames(port, HOST, settings);
        const flooding = flood(client, rounds, bytes);
        assert.equal(await someoneElse(), 401, 'while it goes on');
        const isEnded = await flooding;
        client.socket.destroy();
        assert.ok(isEnded, 'the connection goes on');
      });
      assert.ok(grown < 96 * MEBIBYTE, `${Math.round(grown / MEBIBYTE)} MiB more`);
      assert.equal(await someoneElse(), 401, 'afterwards');
    });
  }

  for (const { name, settings = [], rounds, bytes } of BORNE) {
    it(`bears or ends ${name}, in bounded memory, and nobody else notices`, async () => {
      const grown = await measured(async () => {
        const client = await frames(port, HOST, settings);
        const flooding = flood(client, rounds, bytes);
        assert.equal(await someoneElse(), 401, 'while it goes on');
        client.socket.resume();
        await Promise.race([flooding, sleep(3000)]);
        client.socket.destroy();
        await flooding;
      });
      assert.ok(grown < 96 * MEBIBYTE, `${Math.round(grown / MEBIBYTE)} MiB more`);
      assert.equal(await someoneElse(), 401, 'afterwards');
    });
  }

  it('ends streams that nobody reads (a window of nothing), after a few times as long as a body may stand still', async () => {
    const client = await frames(port, HOST, [setting(4, 0)]);
    await client.send(many(50, (i) => open(streamOf(i))));
    await sleep(500);
    assert.equal(await someoneElse(), 401);
    const resets = (): number => {
      const bytes = client.received();
      let count = 0;
      for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3))
        if (bytes[at + 3] === FRAME.reset) count += 1;
      return count;
    };
    assert.equal(resets(), 0);
    for (let waited = 0; waited < 10_000 && resets() < 50 && !client.isEnded(); waited += 50) await sleep(50);
    assert.ok(resets() === 50 || client.isEnded(), `${resets()} were reset`);
    client.socket.destroy();
  });
});
