// Appends under a file size limit, which fails writes half way as a full disk does, lifts the limit, and goes on.
import { spawnSync } from 'node:child_process';
import { CordonError, systemClock } from '#base';
import { openJournal } from '#journal';
import { buildEvent } from '#model';

const journal = await openJournal({ directory: process.argv[2] ?? '', clock: systemClock });
const outcomes: string[] = [];

async function append(message: string): Promise<void> {
  try {
    const event = buildEvent({ class: 'authentication', activity: 'logon', time: systemClock.now(), message });
    const { seq } = await journal.append(event);
    outcomes.push(`${seq} ${message.slice(0, 8)}`);
  } catch (error) {
    outcomes.push(error instanceof CordonError ? error.code : String(error));
  }
  outcomes.push(journal.writable ? 'writable' : 'not writable');
}

await append('first');
await append(`too long ${'x'.repeat(100_000)}`);
await append(`too long ${'x'.repeat(100_000)}`);
await append('short');
await append(`too long ${'x'.repeat(100_000)}`);
spawnSync('prlimit', ['--pid', String(process.pid), '--fsize=unlimited']);
await append(`now fits ${'x'.repeat(100_000)}`);
await journal.close();
process.stdout.write(JSON.stringify(outcomes));
