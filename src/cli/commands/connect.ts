import { createServer, isIP, type AddressInfo, type Server, type Socket } from 'node:net';
import { CordonError } from '#base';
import { appToken, type AppToken } from '../access/app-token.ts';
import { misuse } from '../arguments.ts';
import type { CommandContext } from '../command.ts';
import { ServerFailure } from '../failure.ts';
import { type TokenSource, unlessRefused } from '../tunnel/ask-app.ts';
import { stdioOf } from '../tunnel/stdio.ts';
import { carry, openTunnel, tell } from '../tunnel/tunnel.ts';

/** `cordon connect` */
export async function connect(context: CommandContext): Promise<number> {
  const { args, world } = context;
  const app = args.at(0);
  const isStdio = args.has('stdio');
  const listen = args.text('listen');
  if (isStdio && listen !== undefined) throw misuse(args.row, '`--stdio` and `--listen` exclude each other');
  // Over standard input there is nobody to paste a code, and its bytes belong to the connection.
  const source: TokenSource = async (isFresh) => await appToken(world, app, { isFresh });
  return isStdio ? await overStdio(context, source) : await overPort(context, source, listenAddress(context, listen));
}

/** One tunnel on standard input and output, as ssh wants it of a `ProxyCommand`. Exits 1 when it was refused or cut. */
export async function overStdio(context: CommandContext, source: TokenSource): Promise<number> {
  const { world, out } = context;
  const { stdin, stdout, signal } = world;
  try {
    return await unlessRefused(out, async () => {
      const frames = await openTunnel(source, signal);
      const told = tell(await carry(frames, stdioOf(stdin, stdout), signal));
      if (told.event === 'closed') return 0;
      note(context, told.text, told.hint);
      return told.event === 'cut' ? 1 : 2;
    });
  } finally {
    stdin.destroy(); // whoever holds its other end must not keep this process
  }
}

interface Listen {
  readonly host: string;
  readonly port: number;
}

function listenAddress({ args }: CommandContext, text = '127.0.0.1:0'): Listen {
  const [, inBrackets, bare, port = ''] = /^(?:\[([0-9a-f:]+)\]|([0-9.]+|localhost)):(\d{1,5})$/i.exec(text) ?? [];
  const host = inBrackets ?? (bare === 'localhost' ? '127.0.0.1' : bare);
  if (host === undefined || isIP(host) === 0 || Number(port) > 65_535) {
    throw misuse(args.row, `\`--listen\` takes an address and a port, such as \`127.0.0.1:5432\`, not \`${text}\``);
  }
  // Whoever can open the port acts as this person.
  if (!host.startsWith('127.') && host !== '::1') {
    throw misuse(
      args.row,
      `\`--listen\` takes an address of loopback only: whoever reaches \`${host}\` would act as you`,
    );
  }
  return { host, port: Number(port) };
}

/** A local port; each connection to it is a tunnel of its own, and a decision of its own. Runs until told to stop. */
export async function overPort(context: CommandContext, source: TokenSource, listen: Listen): Promise<number> {
  const { signal } = context.world;
  const open = new Set<Promise<void>>();
  let count = 0;
  const server = createServer({ allowHalfOpen: true, noDelay: true });
  const { address, port } = await listenOn(server, listen); // a port that is taken is said before anybody has to sign in
  const token = await tokenBefore(server, source);
  server.on('connection', (socket) => {
    count += 1;
    const work = serve(context, source, { socket, id: count }).finally(() => open.delete(work));
    open.add(work);
  });
  const local = `${address.includes(':') ? `[${address}]` : address}:${port}`;
  if (context.out.isJson) context.out.item({ event: 'listening', address, port, app: token.host });
  else {
    context.out.line(local);
    context.out.note(`connections to ${local} go to ${token.host}, each decided anew; end with ctrl-C`);
  }
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  server.close();
  await Promise.all(open);
  return 0;
}

/** Whoever has to sign in does it now, not in front of a program that waits. Connections that come before that are reset. */
async function tokenBefore(server: Server, source: TokenSource): Promise<AppToken> {
  const refuse = (socket: Socket): void => {
    socket.resetAndDestroy();
  };
  server.on('connection', refuse);
  try {
    return await source(false);
  } catch (error) {
    server.close();
    throw error;
  } finally {
    server.off('connection', refuse);
  }
}

const LISTEN_FAILURES: Readonly<Record<string, string>> = { EADDRINUSE: 'port-in-use', EACCES: 'port-refused' };

async function listenOn(server: Server, { host, port }: Listen): Promise<AddressInfo> {
  return await new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const code = LISTEN_FAILURES[cause.code ?? ''] ?? 'address-unusable';
      const hint = 'name another port with `--listen`, or leave it out for any free one';
      reject(new CordonError(code, `cannot listen on \`${host}:${port}\`: ${cause.message}`, { cause, hint }));
    });
    server.listen({ host, port }, () => {
      const address = server.address();
      if (address !== null && typeof address === 'object') resolve(address);
    });
  });
}

async function serve(
  context: CommandContext,
  source: TokenSource,
  { socket, id }: { readonly socket: Socket; readonly id: number },
): Promise<void> {
  const { out, world } = context;
  socket.on('error', () => socket.destroy());
  try {
    const frames = await openTunnel(source, world.signal);
    if (out.isJson) out.item({ event: 'opened', connection: id });
    const end = await carry(frames, socket, world.signal);
    const { event, text, hint } = tell(end);
    if (out.isJson) out.item({ event, connection: id, closeCode: end.code, ...wordsOf(end.reason), hint });
    else if (event !== 'closed') note(context, `connection ${id} ${text}`, hint);
  } catch (error) {
    socket.resetAndDestroy();
    if (world.signal.aborted) return;
    const { code, message, hint } = error instanceof CordonError ? error : new CordonError('internal', String(error));
    const correlationId = error instanceof ServerFailure ? error.correlationId : undefined;
    if (out.isJson) out.item({ event: 'refused', connection: id, code, message, hint, correlationId });
    else {
      note(context, `connection ${id} was refused: ${message} (${code})`, hint);
      if (correlationId !== undefined) out.note(`correlation id: ${correlationId}`);
    }
  }
}

/** The reason that the gateway closes with, `code: text`, as the refusals have it; anything else is text alone. */
function wordsOf(reason: string): { readonly code?: string; readonly message: string } {
  const [, code, message = reason] = /^([a-z-]+): (.*)$/s.exec(reason) ?? [];
  return { ...(code === undefined ? {} : { code }), message };
}

function note({ out }: CommandContext, text: string, hint: string | undefined): void {
  out.note(text);
  if (hint !== undefined) out.note({ text: 'hint: ', look: 'cyan' }, hint);
}
