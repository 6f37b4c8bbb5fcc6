import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { manualClock } from '#base';
import { progressLine, type Report, withProgress } from './progress.ts';

async function drawn(
  isTTY: boolean,
  work: (report: Report, clock: ReturnType<typeof manualClock>) => Promise<unknown>,
): Promise<string> {
  const stderr = Object.assign(new PassThrough(), { isTTY });
  const clock = manualClock(0);
  await withProgress({ stderr, clock }, 'verifying', async (report) => await work(report, clock)).catch(
    () => undefined,
  );
  return (stderr.read() as Buffer | null)?.toString('utf8') ?? '';
}

const long = async (report: Report, clock: ReturnType<typeof manualClock>): Promise<void> => {
  report(1, 4);
  clock.advance(2500);
  await wait(250);
};

describe('progress', () => {
  it('is drawn on a terminal for work over a second, and gone when it ends', async () => {
    assert.match(await drawn(true, long), /^\r\u001b\[Kverifying {2}██████░{18} {2}25 % {2}2 s.*\r\u001b\[K$/s);
  });

  it('is gone when the work fails', async () => {
    const failing = async (report: Report, clock: ReturnType<typeof manualClock>): Promise<void> => {
      await long(report, clock);
      throw new Error('broken');
    };
    assert.match(await drawn(true, failing), /\r\u001b\[K$/);
  });

  it('is not drawn for short work', async () => {
    assert.equal(await drawn(true, async () => await wait(150)), '\r\u001b[K');
  });

  it('is never drawn into a pipe', async () => {
    assert.equal(await drawn(false, long), '');
  });

  const lines: readonly (readonly [Parameters<typeof progressLine>, string])[] = [
    [['reading', undefined, 61_000], 'reading  1 min 1 s'],
    [['reading', { done: 0, total: 0 }, 1000], 'reading  1 s'],
    [['reading', { done: 9, total: 3 }, 1000], `reading  ${'█'.repeat(24)} 100 %  1 s`],
    [['a\u001b[2Jb', undefined, 1000], 'a\ufffd[2Jb  1 s'],
    [['x'.repeat(50), undefined, 1000], `${'x'.repeat(29)}…  1 s`],
  ];
  for (const [input, line] of lines) {
    it(`reads \`${line}\``, () => assert.equal(progressLine(...input), line));
  }
});
