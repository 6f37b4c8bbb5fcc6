import type { ClientEnd } from './client-end.ts';

/** True for a body that is a form without files. */
export function isForm(client: Pick<ClientEnd, 'header'>): boolean {
  return /^application\/x-www-form-urlencoded(?:;|$)/i.test(client.header('content-type') ?? '');
}

/** How long a body that Cordon itself reads may take, milliseconds. */
const PATIENCE_MS = 10_000;

/**
 * Reads a body that Cordon itself wants, all of it, as latin1. `long`: it goes on beyond `longest` bytes. `broken`: it did not come whole
 * in time (attack: a byte now and then, from somebody who need not say who they are, and a place is taken for ever).
 */
export async function readOwnBody(
  client: Pick<ClientEnd, 'hasBody' | 'body'>,
  longest: number,
  patienceMs: number = PATIENCE_MS,
): Promise<{ readonly text: string } | 'long' | 'broken'> {
  if (!client.hasBody) return { text: '' };
  const { body } = client;
  const chunks: Buffer[] = [];
  let bytes = 0;
  const timer = setTimeout(() => body.destroy(), patienceMs);
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > longest) return 'long';
      chunks.push(chunk);
    }
    return { text: Buffer.concat(chunks).toString('latin1') };
  } catch {
    return 'broken';
  } finally {
    clearTimeout(timer);
  }
}
