import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CordonError } from '#base';

/** What lies where in the data directory. */
export interface DataDirectory {
  readonly path: string;
  readonly database: string;
  readonly journal: string;
  readonly controlSocket: string;
}

/** Longest path a Unix socket can have on Linux, less the terminating zero (unix(7)). */
const LONGEST_SOCKET_PATH = 107;

/**
 * Makes the data directory, for its owner only: it holds the keys of the authority and of the assertions. Throws `data-unwritable`, and
 * `data-exposed` for a directory with something else in it that others may enter.
 */
export function prepareDataDirectory(path: string): DataDirectory {
  const controlSocket = join(path, 'control.sock');
  if (Buffer.byteLength(controlSocket) > LONGEST_SOCKET_PATH) {
    throw new CordonError('data-unwritable', `the path \`${path}\` is too long for the control socket in it`, {
      hint: `choose a data directory with at most ${LONGEST_SOCKET_PATH - '/control.sock'.length} bytes in its path`,
    });
  }
  try {
    makeDirectory(path);
    close(path);
    const probe = join(path, '.writable');
    writeFileSync(probe, '');
    rmSync(probe);
  } catch (cause) {
    if (cause instanceof CordonError) throw cause;
    const reason = cause instanceof Error ? cause.message.replace(/^(E[A-Z]+): /, '').replace(/, .*$/, '') : 'unknown';
    throw new CordonError('data-unwritable', `cannot write the data directory \`${path}\`: ${reason}`, {
      cause,
      hint: 'give the directory to the user that runs Cordon, or choose another with `--data` or the key `data`',
    });
  }
  return { path, database: join(path, 'cordon.db'), journal: join(path, 'journal'), controlSocket };
}

/** Makes a directory and the parents it lacks. Node's own recursive form does not come back where nothing can be made, as below `/proc`. */
function makeDirectory(path: string): void {
  if (existsSync(path)) return;
  makeDirectory(dirname(path));
  mkdirSync(path, { mode: 0o700 });
}

/** Takes the directory from everybody else. One that others use for something of theirs is not ours to close. */
function close(path: string): void {
  if ((statSync(path).mode & 0o077) === 0) return;
  const entries = readdirSync(path);
  if (entries.length > 0 && !entries.includes('cordon.db')) {
    throw new CordonError(
      'data-exposed',
      `others may enter the data directory \`${path}\`, which holds files that are not Cordon's`,
      {
        hint: 'choose an empty directory, or run `chmod 700` on it when it is meant for Cordon',
      },
    );
  }
  chmodSync(path, 0o700);
}
