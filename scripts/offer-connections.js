// Offers very many connections to a running Cordon and reports what became of them, and whether somebody who is signed in is served
// meanwhile and afterwards:
//   npm run offer:connections -- --port 8080 --count 100000 [--host wiki.localhost --cookie '__Host-cordon_app=…'] [--pid PID] [--hold 5]
// Nothing is sent on them: that is what a crowd at the door looks like. Run it beside Cordon only: it connects to 127.0.0.1, from many
// addresses of 127.0.0.0/8, as one address has too few ports.
import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

/** Connections of one process: below the usual limits on descriptors. */
const PER_PROCESS = 15_000;
/** Connections from one address. */
const PER_ADDRESS = 10_000;
/** Connections that are being made at a time. */
const AT_ONCE = 200;

if (process.send === undefined) await lead();
else process.once('message', (order) => void offer(/** @type {any} */ (order)));

async function lead() {
  const { values } = parseArgs({
    options: {
      port: { type: 'string' },
      count: { type: 'string', default: '100000' },
      host: { type: 'string', default: 'id.localhost' },
      cookie: { type: 'string' },
      pid: { type: 'string' },
      hold: { type: 'string', default: '5' },
    },
  });
  const [port, count] = [Number(values.port), Number(values.count)];
  if (!(port > 0) || !(count > 0)) throw new Error('name the port of a running Cordon with `--port`, and a `--count`');
  // One connection from before: who is inside has to be served.
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const person = { port, agent, host: values.host, cookie: values.cookie };
  /** @type {Record<string, number>} */
  const meanwhile = {};
  const report = { offered: count, before: await visit(person), meanwhile, accepted: 0, refused: 0 };
  const memoryBefore = memoryOf(values.pid);
  const children = [];
  const told = [];
  for (let from = 0, index = 0; from < count; from += PER_PROCESS, index++) {
    const child = fork(import.meta.filename, { execArgv: [] });
    children.push(child);
    told.push(new Promise((resolve) => child.once('message', resolve)));
    child.send({ port, from, count: Math.min(PER_PROCESS, count - from) });
  }
  let isDone = false;
  void Promise.all(told).then(() => (isDone = true));
  /** @param {() => boolean} isOver */
  const until = async (isOver) => {
    while (!isOver()) {
      const status = await visit(person);
      meanwhile[status] = (meanwhile[status] ?? 0) + 1;
      await sleep(50);
    }
  };
  await until(() => isDone);
  const end = performance.now() + Number(values.hold) * 1000;
  await until(() => performance.now() > end);
  // Now, and not when they were made: the kernel completes handshakes before Cordon has closed them.
  for (const child of children) {
    const counted = new Promise((resolve) => child.once('message', resolve));
    child.send('count');
    const { accepted, refused } = await counted;
    report.accepted += accepted;
    report.refused += refused;
  }
  const memory = { before: memoryBefore, full: memoryOf(values.pid) };
  for (const child of children) child.kill();
  await Promise.all(children.map((child) => new Promise((resolve) => child.once('exit', resolve))));
  await sleep(500);
  const after = await visit({ ...person, agent: new Agent() });
  agent.destroy();
  process.stdout.write(
    `${JSON.stringify({ ...report, after, ...(values.pid === undefined ? {} : { memoryMiB: memory }) })}\n`,
  );
}

/**
 * Makes connections and keeps them. One that is closed, or cannot be made, was refused.
 *
 * @param {{ port: number, from: number, count: number }} order
 */
async function offer({ port, from, count }) {
  let [refused, made] = [0, 0];
  const open = new Set();
  /** @param {number} number */
  const one = async (number) => {
    const at = Math.floor(number / PER_ADDRESS);
    const socket = connect({
      port,
      host: '127.0.0.1',
      localAddress: `127.1.${Math.floor(at / 250)}.${1 + (at % 250)}`,
    });
    open.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => {
      open.delete(socket);
      refused += 1;
    });
    await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
    socket.resume();
  };
  const worker = async () => {
    while (made < count) await one(from + made++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  process.once('message', () => process.send?.({ accepted: open.size, refused }));
  process.send?.('made');
}

/**
 * Status of one request, or what went wrong.
 *
 * @param {{ port: number, agent: Agent, host: string, cookie: string | undefined }} person
 * @returns {Promise<string>}
 */
function visit({ port, agent, host, cookie }) {
  return new Promise((resolve) => {
    const headers = { host: `${host}:${port}`, ...(cookie === undefined ? {} : { cookie }) };
    request({ host: '127.0.0.1', port, agent, headers, timeout: 10_000 }, (answer) => {
      answer.resume().once('end', () => resolve(String(answer.statusCode)));
    })
      .once('timeout', () => resolve('timeout'))
      .once('error', (error) => resolve('code' in error ? String(error.code) : error.message))
      .end();
  });
}

/**
 * Resident memory, MiB.
 *
 * @param {string | undefined} pid
 */
function memoryOf(pid) {
  if (pid === undefined) return undefined;
  const kilobytes = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Math.round(Number(kilobytes) / 1024);
}
