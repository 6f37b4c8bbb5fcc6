import type { Log } from './log.ts';

/** Work that is done again and again. */
export interface Schedule {
  /** Does `work` every `everyMs` milliseconds, never twice at once. A failure is logged and does not end it. */
  every(everyMs: number, name: string, work: () => Promise<unknown>): void;
  /** Ends all of it and waits for what is under way. */
  stop(): Promise<void>;
}

/** Makes a schedule. */
export function createSchedule(log: Log): Schedule {
  const timers: NodeJS.Timeout[] = [];
  const running = new Map<string, Promise<void>>();
  return {
    every: (everyMs, name, work) => {
      const once = async (): Promise<void> => {
        try {
          await work();
        } catch (error) {
          log.error({ err: error, work: name }, 'periodic work failed; it is tried again');
        }
        running.delete(name);
      };
      timers.push(
        setInterval(() => {
          if (!running.has(name)) running.set(name, once());
        }, everyMs),
      );
    },
    stop: async () => {
      for (const timer of timers) clearInterval(timer);
      await Promise.all(running.values());
    },
  };
}
