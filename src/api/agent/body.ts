import type { IncomingMessage } from 'node:http';
import { err, ok, type Problem, type Result } from '#base';

/** What a body may be. */
export interface BodyLimits {
  readonly bytes: number;
  /** How long the whole body may take. */
  readonly withinMs: number;
}

/** Refuses what is not UTF-8. Whole texts only, so nothing of one is left over for the next. */
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads the JSON text of a request. Bytes are counted while they arrive, whatever `Content-Length` says. `err`: `content-type-unsupported`,
 * `message-too-large`, `message-too-slow`, `message-invalid`. Undefined when the client has gone.
 */
export async function readJsonText(
  request: IncomingMessage,
  limits: BodyLimits,
): Promise<Result<string, Problem> | undefined> {
  const type = request.headers['content-type'] ?? '';
  if (
    !/^application\/json(?:\s*;\s*charset=utf-8)?\s*$/i.test(type) ||
    request.headers['content-encoding'] !== undefined
  ) {
    return err({
      code: 'content-type-unsupported',
      message: 'the body must be JSON, and not compressed',
      hint: 'send `content-type: application/json`',
    });
  }
  if (Number(request.headers['content-length'] ?? 0) > limits.bytes) return err(tooLarge(limits));
  const bytes = await readBytes(request, limits);
  if (bytes === undefined || !bytes.ok) return bytes;
  try {
    return ok(UTF8.decode(bytes.value));
  } catch {
    return err({ code: 'message-invalid', message: 'the body is not UTF-8' });
  }
}

async function readBytes(request: IncomingMessage, limits: BodyLimits): Promise<Result<Buffer, Problem> | undefined> {
  return await new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const end = (outcome: Result<Buffer, Problem> | undefined): void => {
      clearTimeout(timer);
      request.off('data', onData).off('end', onEnd).off('close', onGone).off('error', onGone);
      // An error event nobody listens to would end the process.
      request.on('error', () => undefined).pause();
      resolve(outcome);
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > limits.bytes) end(err(tooLarge(limits)));
      else chunks.push(chunk);
    };
    const onEnd = (): void => end(ok(Buffer.concat(chunks)));
    const onGone = (): void => end(undefined);
    const timer = setTimeout(() => {
      end(err({ code: 'message-too-slow', message: `the body took longer than ${limits.withinMs / 1000} s` }));
    }, limits.withinMs);
    request.on('data', onData).on('end', onEnd).on('close', onGone).on('error', onGone);
  });
}

function tooLarge({ bytes }: BodyLimits): Problem {
  return {
    code: 'message-too-large',
    message: `the body is larger than ${bytes} bytes`,
    hint: 'install the same release of Cordon on the server and on the host',
  };
}
