import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { CordonError } from '#base';
import { hasCode, type Layout } from './layout.ts';

/** Makes this process the only writer until the returned function is called. Fails with `journal-in-use`. */
export function lockJournal(layout: Layout): () => void {
  createOnce(layout.lock);
  // SQLite takes a kernel lock on the file. It ends with the process however that dies, so there is no stale lock
  // to judge, and two processes that start at once cannot both take it over.
  const database = new DatabaseSync(layout.lock);
  try {
    database.exec('pragma busy_timeout = 0; begin exclusive');
  } catch (cause) {
    database.close();
    const holder = readPid(layout.pid);
    throw new CordonError('journal-in-use', `the journal \`${layout.directory}\` is in use by ${holder}`, {
      cause,
      hint: 'stop that process, or give this one another data directory',
    });
  }
  writeFileSync(layout.pid, `${process.pid}\n`, { mode: 0o600 });
  return () => database.close();
}

/** Never opens a file that is there: closing any descriptor of it would end this process's lock on it (POSIX). */
function createOnce(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (cause) {
    if (!hasCode(cause, 'EEXIST')) throw cause;
  }
}

function readPid(file: string): string {
  try {
    return `process ${Number(readFileSync(file, 'utf8'))}`;
  } catch {
    return 'another process';
  }
}
