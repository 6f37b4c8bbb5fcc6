import { type IncomingMessage, request } from 'node:http';
import { CordonError, type Problem } from '#base';
import {
  type BodyOf,
  CONTROL_ROUTES,
  errorView,
  type ParamsOf,
  type QueryOf,
  type ResponseOf,
  type RouteShape,
  routeUrl,
} from '#contract';
import type { CommandContext } from './command.ts';
import { controlSocket } from './control-socket.ts';
import { ServerFailure } from './failure.ts';

type Routes = typeof CONTROL_ROUTES;

/** What a call sends, as far as its route takes it. */
type Input<R extends RouteShape> = (ParamsOf<R> extends undefined ? object : { readonly params: ParamsOf<R> }) &
  (QueryOf<R> extends undefined ? object : { readonly query?: QueryOf<R> }) &
  (BodyOf<R> extends undefined ? object : { readonly body: BodyOf<R> });

/** The running server, over its control socket. */
export interface Server {
  /** Asks one route of the control API. Throws `ServerFailure`, `server-unreachable`, `server-timeout` or `server-answer-invalid`. */
  ask<K extends keyof Routes>(route: K, input: Input<Routes[K]>): Promise<ResponseOf<Routes[K]>>;
  /** Opens a stream of server-sent events; yields the data of each until the server or the person ends it. */
  stream(query: QueryOf<Routes['eventStream']>): AsyncGenerator<string>;
}

/** Longest wait for an answer; imports and proofs read a lot. */
const TIMEOUT_MS = 30 * 60_000;
/** Longest answer that is kept in memory. */
const MAX_ANSWER_BYTES = 512 * 1024 * 1024;

/** The server that the options of the command name. Nothing is sent before the first question. */
export function serverOf(context: Pick<CommandContext, 'world' | 'args'>): Server {
  const path = controlSocket(context);
  const { signal } = context.world;
  return {
    async ask(name, input) {
      const route: RouteShape = CONTROL_ROUTES[name];
      const { params, query, body } = input as { params?: object; query?: object; body?: object };
      const call = { path, signal, method: route.method, url: routeUrl(route.path, { ...params }, { ...query }), body };
      const response = await send(call);
      const value = parseAnswer(await textOf(response), response, path);
      const checked = route.response.safeParse(value);
      if (!checked.success) {
        const [issue] = checked.error.issues;
        throw invalidAnswer(path, `\`${issue?.path.map(String).join('.') ?? ''}\`: ${issue?.message ?? ''}`);
      }
      // Checked against the schema of the same row the type is made of.
      return checked.data as ResponseOf<Routes[typeof name]>;
    },
    async *stream(query) {
      const route = CONTROL_ROUTES.eventStream;
      const response = await send({ path, signal, method: route.method, url: routeUrl(route.path, {}, { ...query }) });
      if (response.statusCode !== 200) parseAnswer(await textOf(response), response, path);
      yield* eventData(response);
    },
  };
}

interface Call {
  readonly path: string;
  readonly signal: AbortSignal;
  readonly method: string;
  readonly url: string;
  readonly body?: object | undefined;
}

async function send(call: Call): Promise<IncomingMessage> {
  const text = call.body === undefined ? undefined : JSON.stringify(call.body);
  return await new Promise((resolve, reject) => {
    const outgoing = request(
      {
        socketPath: call.path,
        method: call.method,
        path: call.url,
        signal: call.signal,
        agent: false,
        headers: {
          host: 'localhost',
          accept: 'application/json, text/event-stream',
          'x-requested-with': 'cordon',
          ...(text === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
        },
      },
      resolve,
    );
    outgoing.setTimeout(TIMEOUT_MS, () => {
      outgoing.destroy(
        new CordonError('server-timeout', `Cordon did not answer within ${TIMEOUT_MS / 60_000} minutes`, {
          hint: 'look at its log; it may be out of memory or disk',
        }),
      );
    });
    outgoing.on('error', (cause: NodeJS.ErrnoException) => {
      reject(cause instanceof CordonError ? cause : connectionFailure(cause, call));
    });
    outgoing.end(text);
  });
}

const NOBODY = new Set(['ENOENT', 'ECONNREFUSED', 'ENOTSOCK', 'ENOTDIR', 'EINVAL']);

function connectionFailure(cause: NodeJS.ErrnoException, { path, signal }: Call): CordonError {
  if (signal.aborted)
    return new CordonError('command-interrupted', 'interrupted before the answer came', {
      cause,
      hint: 'the server may have done what it was asked all the same',
    });
  if (NOBODY.has(cause.code ?? '')) {
    return new CordonError('server-unreachable', `no Cordon answers at \`${path}\``, {
      cause,
      hint: 'start it with `cordon up`, or say where it runs with `-c FILE`, `--data DIR` or `--socket PATH`',
    });
  }
  if (cause.code === 'EACCES' || cause.code === 'EPERM') {
    return new CordonError('server-unreachable', `you may not use the control socket \`${path}\``, {
      cause,
      hint: 'run this as the user that runs Cordon',
    });
  }
  return new CordonError('server-unreachable', `the connection to \`${path}\` failed: ${cause.message}`, {
    cause,
    hint: 'see `cordon status`; Cordon may have stopped while it answered',
  });
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES)
      throw new CordonError('server-answer-invalid', 'the answer of the server is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The JSON of a good answer. Throws what a bad one says. */
function parseAnswer(text: string, response: IncomingMessage, path: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalidAnswer(path, `status ${response.statusCode ?? 0}, not JSON`);
  }
  if (response.statusCode === 200) return value;
  const failed = errorView.safeParse(value);
  if (!failed.success) throw invalidAnswer(path, `status ${response.statusCode ?? 0}`);
  const { code, message, hint, correlationId, problems } = failed.data.error;
  throw new ServerFailure(response.statusCode ?? 0, {
    code,
    message,
    hint,
    correlationId,
    problems: problems.map(toProblem),
  });
}

type ProblemView = ResponseOf<Routes['checkPolicies']>['problems'][number];

/** A problem as the API carries it, as the rest of the program knows it. */
export function toProblem({ code, message, source, hint }: ProblemView): Problem {
  const { file, line, column } = source ?? {};
  return {
    code,
    message,
    ...(source === undefined
      ? {}
      : {
          source: {
            ...(file === undefined ? {} : { file }),
            ...(line === undefined ? {} : { line }),
            ...(column === undefined ? {} : { column }),
          },
        }),
    ...(hint === undefined ? {} : { hint }),
  };
}

function invalidAnswer(path: string, what: string): CordonError {
  return new CordonError(
    'server-answer-invalid',
    `what answers at \`${path}\` does not speak this version of the API (${what})`,
    {
      hint: 'use the `cordon` command of the version that runs; `cordon version` shows this one',
    },
  );
}

/** The `data:` of each server-sent event (WHATWG HTML, section 9.2.6). */
async function* eventData(response: IncomingMessage): AsyncGenerator<string> {
  let rest = '';
  const decoder = new TextDecoder();
  for await (const chunk of response as AsyncIterable<Buffer>) {
    rest += decoder.decode(chunk, { stream: true });
    for (let end = rest.indexOf('\n\n'); end >= 0; end = rest.indexOf('\n\n')) {
      const lines = rest.slice(0, end).split('\n');
      rest = rest.slice(end + 2);
      const data = lines.filter((line) => line.startsWith('data:')).map((line) => line.slice(5).trimStart());
      if (data.length > 0) yield data.join('\n');
    }
  }
}
