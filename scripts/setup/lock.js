// A lock between processes: one file that names its holder. A holder that died, or stopped renewing it, loses it.
import { readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

const RENEW_MS = 2_000;
const ABANDONED_MS = 30_000;

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}

/**
 * The holder of a lock that nobody works under any more, else undefined.
 * @param {string} file
 */
function abandonedBy(file) {
  try {
    const holder = readFileSync(file, 'utf8');
    const [host, pid] = holder.split(' ');
    const isDead = host === hostname() && !isAlive(Number(pid));
    return isDead || Date.now() - statSync(file).mtimeMs > ABANDONED_MS ? holder : undefined;
  } catch {
    return undefined; // released this moment
  }
}

/**
 * Takes an abandoned lock away. Between the look and the removal another process may have done the same and locked
 * anew: the file is moved aside first and put back unless it is the abandoned one.
 * @param {string} file
 * @param {string} holder
 */
function breakLock(file, holder) {
  const aside = `${file}.${process.pid}`;
  try {
    renameSync(file, aside);
    if (readFileSync(aside, 'utf8') === holder) rmSync(aside);
    else renameSync(aside, file);
  } catch {
    // another process was faster
  }
}

/** @param {string} file */
function tryLock(file) {
  try {
    writeFileSync(file, `${hostname()} ${process.pid}`, { flag: 'wx' });
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EEXIST') return false;
    throw error;
  }
}

/** @param {string} file */
function renew(file) {
  try {
    utimesSync(file, new Date(), new Date());
  } catch {
    // removed by hand: npm and the build go on, and replacing what they make is atomic
  }
}

/**
 * Does `work` while holding the lock; waits for as long as a living process holds it.
 * @param {string} file
 * @param {() => Promise<void>} work
 */
export async function withLock(file, work) {
  for (let isTold = false; !tryLock(file); ) {
    const holder = abandonedBy(file);
    if (holder !== undefined) {
      breakLock(file, holder);
      continue;
    }
    if (!isTold) process.stderr.write('setup: waiting for another setup of this clone to end\n');
    isTold = true;
    await sleep(100);
  }
  const renewal = setInterval(() => renew(file), RENEW_MS);
  const release = () => rmSync(file, { force: true });
  const interrupted = (/** @type {NodeJS.Signals} */ signal) => {
    release();
    process.exit(signal === 'SIGINT' ? 130 : 143);
  };
  process.on('SIGINT', interrupted).on('SIGTERM', interrupted);
  try {
    await work();
  } finally {
    clearInterval(renewal);
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
    release();
  }
}
