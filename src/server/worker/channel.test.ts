import assert from 'node:assert/strict';
import { Duplex, duplexPair } from 'node:stream';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Channel, machineTime } from './channel.ts';

interface Heard<T> {
  readonly messages: T[];
  readonly texts: string[];
  readonly closed: Promise<Error | undefined>;
  readonly channel: Channel<T, T>;
}

function hear<T>(stream: Duplex, fail?: (message: T) => boolean): Heard<T> {
  const messages: T[] = [];
  const texts: string[] = [];
  const closed = Promise.withResolvers<Error | undefined>();
  const channel = new Channel<T, T>(stream, {
    onMessage: (message, text) => {
      if (fail?.(message) === true) throw new Error('not this one');
      messages.push(message);
      texts.push(text);
    },
    onClose: (error) => closed.resolve(error),
  });
  return { messages, texts, closed: closed.promise, channel };
}

function frame(messages: string, text = ''): Buffer {
  const [body, along] = [Buffer.from(messages), Buffer.from(text)];
  const head = Buffer.alloc(8);
  head.writeUInt32BE(body.length + along.length);
  head.writeUInt32BE(body.length, 4);
  return Buffer.concat([head, body, along]);
}

/** A stream that gives these chunks, and ends. */
function giving(chunks: readonly Buffer[]): Duplex {
  return Duplex.from(
    (async function* () {
      yield* chunks;
    })(),
  );
}

describe('a channel', () => {
  it('hands over every message once and in order, both ways', async () => {
    const [one, other] = duplexPair();
    const [a, b] = [hear<number>(one), hear<number>(other)];
    for (let index = 0; index < 1000; index++) {
      a.channel.send(index);
      b.channel.send(-index);
      if (index % 300 === 0) a.channel.flush();
    }
    a.channel.close();
    assert.equal(await b.closed, undefined);
    b.channel.close();
    assert.equal(await a.closed, undefined);
    assert.deepEqual(
      b.messages,
      Array.from({ length: 1000 }, (_, index) => index),
    );
  });

  it('sends a message as it was when it was given', async () => {
    const [one, other] = duplexPair();
    const [a, b] = [hear<{ x: number }>(one), hear<{ x: number }>(other)];
    const message = { x: 1 };
    a.channel.send(message);
    message.x = 2;
    a.channel.close();
    await b.closed;
    assert.deepEqual(b.messages, [{ x: 1 }]);
  });

  it('takes a text along as it is, in its place among the others', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 8 }), async (texts) => {
        const [one, other] = duplexPair();
        const [a, b] = [hear<number>(one), hear<number>(other)];
        for (const [index, text] of texts.entries()) {
          a.channel.send(2 * index);
          a.channel.sendWith(2 * index + 1, text);
        }
        a.channel.close();
        assert.equal(await b.closed, undefined);
        assert.deepEqual(b.messages, [...Array(2 * texts.length).keys()]);
        assert.deepEqual(
          b.texts,
          texts.flatMap((text) => ['', text]),
        );
        b.channel.close();
        await a.closed;
      }),
      { numRuns: 30 },
    );
  });

  it('reads the same whatever pieces the bytes come in', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.string({ unit: 'grapheme' }), { minLength: 1, maxLength: 5 }), { maxLength: 6 }),
        fc.infiniteStream(fc.integer({ min: 1, max: 9 })),
        async (frames, sizes) => {
          const bytes = Buffer.concat(frames.map((messages) => frame(JSON.stringify(messages))));
          const chunks: Buffer[] = [];
          for (let at = 0; at < bytes.length; ) {
            const { value: size } = sizes.next();
            chunks.push(bytes.subarray(at, at + size));
            at += size;
          }
          const { messages, closed } = hear<string>(giving(chunks));
          assert.equal(await closed, undefined);
          assert.deepEqual(messages, frames.flat());
        },
      ),
      { numRuns: 60 },
    );
  });

  const broken: readonly [string, Buffer][] = [
    ['what is no JSON', frame('[{]')],
    ['what is no list', frame('5')],
    ['a frame that is too long', Buffer.from([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 2, 0x5b, 0x5d])],
    ['messages beyond the end of their frame', Buffer.from([0, 0, 0, 2, 0, 0, 0, 3, 0x5b, 0x5d])],
  ];
  for (const [what, bytes] of broken) {
    it(`ends with an error on ${what}, and hears nothing after it`, async () => {
      const { messages, closed } = hear<number>(giving([frame('[1]'), bytes, frame('[2]')]));
      assert.ok((await closed) instanceof Error);
      assert.deepEqual(messages, [1]);
    });
  }

  it('ends when a message cannot be taken up: what came after it would be out of order', async () => {
    const { messages, closed } = hear<number>(giving([frame('[1,2,3]')]), (message) => message === 2);
    assert.match((await closed)?.message ?? '', /not this one/);
    assert.deepEqual(messages, [1]);
  });

  it('counts what is waiting, and forgets it when it has ended', async () => {
    const [one, other] = duplexPair();
    const a = hear<string>(one);
    a.channel.send('x'.repeat(100));
    assert.ok(a.channel.queued >= 100);
    other.destroy();
    one.destroy();
    await a.closed;
    a.channel.send('more');
    a.channel.flush();
  });
});

describe('the machine’s clock', () => {
  it('runs, and does not go back', () => {
    const first = machineTime();
    assert.ok(machineTime() >= first);
  });
});
