import type { IncomingMessage, ServerResponse } from 'node:http';
import fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { newId, parseJson } from '#base';
import { ApiFailure, failureAnswer } from './failure.ts';
import { secureHeaders } from './headers.ts';
import { type ApiServices, isEncrypted } from './services.ts';

/** Bytes of a request body, unless a route takes more. */
const BODY_LIMIT = 256 * 1024;
/** How long a client may take to send a request whole, milliseconds. */
const REQUEST_MS = 30_000;
/** How long answers under way may take when Cordon stops, milliseconds. */
const GRACE_MS = 3000;

/** One of Cordon's own hosts. */
export interface OwnHost {
  /** Answers a request. Never throws. */
  handle(request: IncomingMessage, response: ServerResponse): void;
  /** Ends streams and waits a little for answers under way. */
  close(): Promise<void>;
}

/** What an own host is made from. */
export interface HostOptions {
  /** Its name; empty for the control socket. */
  readonly name: string;
  /** True for the control socket: its callers see the messages of failures in full. */
  readonly isLocal: boolean;
  /** Registers the routes. */
  readonly routes: (server: FastifyInstance) => void | Promise<void>;
  /** Answers what no route takes; returns false to let it be a 404. */
  readonly fallback?: (request: FastifyRequest, reply: FastifyReply) => Promise<boolean>;
}

/** Makes a host: every answer with the security headers, every error in the one shape of the contract, nothing believed from headers. */
export async function createHost(
  services: Pick<ApiServices, 'clock' | 'onFailure'>,
  options: HostOptions,
): Promise<OwnHost> {
  const onError = (error: unknown, request: FastifyRequest, reply: FastifyReply): void => {
    const answer = failureAnswer(known(error), { correlationId: request.id, isLocal: options.isLocal });
    if (answer.status >= 500) services.onFailure(error, request.id);
    void reply.code(answer.status).headers(answer.headers).send(answer.body);
  };
  const prepare = (request: FastifyRequest, reply: FastifyReply): void => {
    secureHeaders(reply, { isEncrypted: isEncrypted(request.raw), host: options.name });
    reply.header('x-cordon-correlation-id', request.id);
  };
  const server = fastify({
    bodyLimit: BODY_LIMIT,
    exposeHeadRoutes: false,
    trustProxy: false,
    genReqId: () => newId('cor', services.clock.now()),
    // Before any hook: an address that cannot be read.
    frameworkErrors: (error, request, reply) => {
      prepare(request, reply);
      onError(error, request, reply);
    },
    // An ARN with slashes is one parameter, percent-encoded.
    routerOptions: { maxParamLength: 8192 },
  });
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    readJson(String(body), done);
  });
  server.addHook('onRequest', (request, reply, done) => {
    prepare(request, reply);
    done();
  });
  server.setErrorHandler(onError);
  server.setNotFoundHandler(async (request, reply) => {
    if ((await options.fallback?.(request, reply)) === true) return await reply;
    throw nothingHere();
  });
  await options.routes(server);
  await server.ready();
  return bounded(server);
}

function bounded(server: FastifyInstance): OwnHost {
  const open = new Set<ServerResponse>();
  return {
    handle: (request, response) => {
      open.add(response);
      // The listeners allow uploads of any length, for the apps; here a body that trickles in must not hold a connection.
      const timer = setTimeout(() => {
        if (!request.complete) request.socket.destroy();
      }, REQUEST_MS);
      response.once('close', () => {
        open.delete(response);
        if (request.complete) clearTimeout(timer);
      });
      timer.unref();
      server.routing(request, response);
    },
    close: async () => {
      // Runs the `onClose` hooks, which end the streams.
      await server.close();
      const waits = [...open].map(async (response) => {
        await new Promise<void>((resolve) => {
          response.once('close', resolve);
        });
      });
      const { promise: late, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, GRACE_MS);
      await Promise.race([Promise.all(waits), late]);
      clearTimeout(timer);
    },
  };
}

function readJson(text: string, done: (error: Error | null, body?: unknown) => void): void {
  if (text === '') {
    done(null, undefined);
    return;
  }
  const parsed = parseJson(text);
  if (parsed.ok) {
    done(null, parsed.value);
    return;
  }
  const { code, message, source } = parsed.error;
  const place = { line: source?.line ?? 1, column: source?.column ?? 1 };
  const problems = [{ code, message, source: place }];
  done(new ApiFailure(400, code, `line ${place.line}, column ${place.column}: ${message}`, { problems }));
}

function nothingHere(): ApiFailure {
  return new ApiFailure(404, 'not-found', 'there is nothing at this path', { hint: 'check the address' });
}

/** What the framework throws, in our words. */
function known(error: unknown): unknown {
  const { code, statusCode } = error instanceof Error ? (error as Partial<FastifyError>) : {};
  if (error instanceof ApiFailure || statusCode === undefined) return error;
  // A file that is none of ours, however its path was spelled.
  if (statusCode === 403 || statusCode === 404) return nothingHere();
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new ApiFailure(413, 'request-too-large', 'the body is too large', { hint: 'send less at once' });
  }
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    return new ApiFailure(415, 'content-type-unsupported', 'the body is not declared as JSON', {
      hint: 'send `content-type: application/json`',
    });
  }
  return statusCode < 500 ? new ApiFailure(400, 'request-invalid', 'the request is not valid') : error;
}
