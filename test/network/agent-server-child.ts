// A server for agents in a network namespace: the real devices area behind the routes of the wire, and programs as a test
// hands them in on standard input, one JSON object per line. Tells tokens, reports and events on standard output.
// Usage: node agent-server-child.ts ADDRESS PORT
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { createInterface } from 'node:readline';
import { type Problem, type Result, systemClock } from '#base';
import { createAuthority, createDevices } from '#devices';
import { type OcsfEvent, TrustGraph } from '#model';
import { openStore } from '#store';
import { type HostProgram, parseMessage } from '#wire';

const [address = '', port = ''] = process.argv.slice(2);
const clock = systemClock;
const store = await openStore({ path: ':memory:', clock });
const graph = new TrustGraph();
graph.load(await store.snapshot());
store.onChanges((changes) => {
  for (const change of changes) graph.apply(change);
});
const programs = new Map<string, HostProgram>();
const tell = (what: object): void => void process.stdout.write(`${JSON.stringify(what)}\n`);
const authority = await createAuthority({ store, clock });
const devices = createDevices({
  store,
  graph,
  journal: { append: async (event: OcsfEvent) => await Promise.resolve(tell({ event })) },
  clock,
  authority,
  serverName: 'agent.localhost',
  programFor: (id) => programs.get(graph.get('workload', id)?.name ?? ''),
});

async function answer(request: IncomingMessage, text: string, gone: AbortSignal): Promise<Result<object, Problem>> {
  const { url = '', socket } = request;
  const invalid = { ok: false, error: { code: 'message-invalid', message: 'not a message' } } as const;
  if (url === '/v1/enrol') {
    const message = parseMessage('enrolRequest', text);
    return message.ok ? await devices.enrol(message.value, { address: socket.remoteAddress ?? '' }) : invalid;
  }
  const device = devices.deviceOf(socket);
  if (device === undefined) return { ok: false, error: { code: 'device-unknown', message: 'no device' } };
  if (url === '/v1/report') {
    const message = parseMessage('report', text);
    if (!message.ok) return invalid;
    tell({ report: { device: device.name, program: message.value.program, flows: message.value.deniedFlows } });
    return await devices.report(device, message.value);
  }
  const have = new URL(url, 'https://agent.localhost').searchParams.get('have') ?? undefined;
  const signal = AbortSignal.any([gone, AbortSignal.timeout(20_000)]);
  return { ok: true, value: await devices.nextInstruction(device, { have, signal }) };
}

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  let text = '';
  for await (const chunk of request) text += String(chunk);
  const result = await answer(request, text, gone.signal);
  response.writeHead(result.ok ? 200 : 403).end(JSON.stringify(result.ok ? result.value : { error: result.error }));
}

const { certificate, key } = await authority.issueServer(['agent.localhost']);
const options = { cert: certificate, key, ca: authority.certificate, requestCert: true, rejectUnauthorized: false };
const server = createServer(options, (request, response) => {
  handle(request, response).catch((error: unknown) => tell({ fault: String(error) }));
});
server.listen(Number(port), address, () => tell({ ready: true }));

let pokes = 0;
createInterface(process.stdin).on('line', (line) => {
  const wish = JSON.parse(line) as { tokenFor?: string; host?: string; program?: HostProgram };
  void (async () => {
    if (wish.tokenFor !== undefined) {
      const issued = await devices.issueToken({ name: wish.tokenFor, labels: {}, by: 'local:0' });
      if (issued.ok) tell({ token: issued.value.token });
    }
    if (wish.host === undefined || wish.program === undefined) return;
    programs.set(wish.host, wish.program);
    const id = `poke-${pokes++}`; // the feed moves, so that waiting agents are answered
    await store.transact('system', async (tx) => await tx.put('segment', { id, name: id, selector: {} }));
  })();
});
