// The process of one worker, started by the pool with the private channel as its fourth file.
import { Socket } from 'node:net';
import { systemClock, tuneMemory } from '#base';
import { runWorker } from './worker.ts';

const CHANNEL_FD = 3;

tuneMemory();

// The terminal, and whoever stops a whole service, signal every process of it; a worker ends when the main process says so, or is gone.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

runWorker(new Socket({ fd: CHANNEL_FD, readable: true, writable: true }), {
  clock: systemClock,
  exit: (code) => process.exit(code),
});
