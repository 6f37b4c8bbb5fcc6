/** Processes of the gateway's benchmarks, and what they say. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** Starts processes and ends all of them. */
export interface Children {
  /** Starts a file of the folder; resolves with its first message. */
  start<T>(file: string, ...args: string[]): Promise<{ readonly child: ChildProcess; readonly ready: T }>;
  end(): void;
}

/** Makes an empty family, of files of a folder. */
export function makeChildren(folder: string = import.meta.dirname): Children {
  const children: ChildProcess[] = [];
  return {
    start: async <T>(file: string, ...args: string[]) => {
      const child = fork(join(folder, file), args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
      children.push(child);
      return { child, ready: await answerOf<T>(child) };
    },
    end: () => {
      for (const child of children) child.kill();
    },
  };
}

/** Sends an order and resolves with the answer. */
export async function tell<T>(child: ChildProcess, order: object | string): Promise<T> {
  child.send(order);
  return await answerOf<T>(child);
}

/** The next message of a child; a child that ends instead is a failure. */
async function answerOf<T>(child: ChildProcess): Promise<T> {
  const over = new AbortController();
  const ended = once(child, 'exit', { signal: over.signal }).then(() => {
    throw new Error(`${child.spawnargs.slice(1).join(' ')} ended`);
  });
  try {
    const [message] = (await Promise.race([once(child, 'message', { signal: over.signal }), ended])) as [T];
    return message;
  } finally {
    over.abort();
    ended.catch(() => undefined);
  }
}
