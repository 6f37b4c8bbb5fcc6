import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { CordonError } from '#base';
import { hasCode } from './state.ts';

/** Makes this process the only agent of a state directory until the returned function is called. Fails with `agent-running`. */
export function lockState(directory: string): () => void {
  const file = join(directory, 'lock');
  createOnce(file);
  // SQLite takes a kernel lock, which ends with its process however that dies: no lock is ever stale, and two agents that
  // start at once cannot both have it.
  const database = new DatabaseSync(file);
  try {
    database.exec('pragma busy_timeout = 0; begin exclusive');
  } catch (cause) {
    database.close();
    throw new CordonError('agent-running', `${holder(directory)} already works with \`${directory}\``, {
      cause,
      hint: 'stop it first, for example with `systemctl stop cordon-agent`, or name another state directory',
    });
  }
  try {
    writeFileSync(join(directory, 'pid'), `${process.pid}\n`, { mode: 0o600 });
  } catch {
    // Only the message of the other agent needs it. A full disk must not keep the stored program from being applied.
  }
  return () => database.close();
}

/** Never opens a file that is there: closing any descriptor of it would end this process's own lock (POSIX). */
function createOnce(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (cause) {
    if (!hasCode(cause, 'EEXIST')) throw cause;
  }
}

function holder(directory: string): string {
  try {
    return `the agent with process id ${Number(readFileSync(join(directory, 'pid'), 'utf8'))}`;
  } catch {
    return 'another agent';
  }
}
