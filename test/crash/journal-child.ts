// Appends without end and prints `<seq> <hash>` for every acknowledged event, until someone kills it.
import { writeSync } from 'node:fs';
import { systemClock } from '#base';
import { openJournal } from '#journal';
import { buildEvent } from '#model';

const directory = process.argv[2] ?? '';
const journal = await openJournal({ directory, clock: systemClock, segmentBytes: 150_000 });
writeSync(1, 'ready\n');

async function writer(name: number): Promise<never> {
  for (let i = 0; ; i++) {
    const message = `writer ${name} event ${i} ${'x'.repeat((i * 37) % 900)}`;
    const event = buildEvent({ class: 'authentication', activity: 'logon', time: systemClock.now(), message });
    const { seq, hash } = await journal.append(event);
    writeSync(1, `${seq} ${hash}\n`);
  }
}

await Promise.all(Array.from({ length: 8 }, async (_, name) => await writer(name)));
