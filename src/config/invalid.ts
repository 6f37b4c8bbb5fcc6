import type { Problem } from '#base';

/** What is wrong in a document beyond its shape. */
export function invalid(message: string, source: Problem['source'], hint?: string): Problem {
  return {
    code: 'configuration-invalid',
    message,
    ...(source === undefined ? {} : { source }),
    ...(hint === undefined ? {} : { hint }),
  };
}
