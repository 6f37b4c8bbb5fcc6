import assert from 'node:assert/strict';
import { PassThrough, Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { readOwnBody } from './own-body.ts';

const of = (...parts: string[]): { hasBody: boolean; body: Readable } => ({
  hasBody: true,
  body: Readable.from(parts.map((part) => Buffer.from(part, 'latin1'))),
});

describe('a body that Cordon reads itself', () => {
  it('is read whole, byte for byte', async () => {
    assert.deepEqual(await readOwnBody(of('a=1', '&b=\xff'), 8), { text: 'a=1&b=\xff' });
    assert.deepEqual(await readOwnBody({ hasBody: false, body: new PassThrough() }, 8), { text: '' });
  });

  it('is not read beyond its bound', async () => {
    assert.equal(await readOwnBody(of('12345678', '9'), 8), 'long');
  });

  it('is not waited for without end, also when something comes now and then', async () => {
    const body = new PassThrough();
    const drip = setInterval(() => body.writable && body.write('a'), 5);
    const started = performance.now();
    assert.equal(await readOwnBody({ hasBody: true, body }, 1000, 50), 'broken');
    clearInterval(drip);
    assert.ok(performance.now() - started < 2000);
  });

  it('is broken when it breaks off', async () => {
    const body = new PassThrough();
    const read = readOwnBody({ hasBody: true, body }, 1000);
    await sleep(5);
    body.destroy(new Error('reset'));
    assert.equal(await read, 'broken');
  });
});
