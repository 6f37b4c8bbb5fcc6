import { z } from 'zod';
import { CordonError } from '#base';

const issued = z.object({
  certificate: z.string().regex(/^[a-z0-9@.-]+ [A-Za-z0-9+/=]+$/),
  // They become words of a command line: a login name never begins with a dash.
  principals: z.array(z.string().regex(/^[a-z_][a-z0-9_-]*$/)).min(1),
  host: z.string().regex(/^[a-z0-9][a-z0-9.-]*$/),
  expiresAt: z.number(),
});

/** What the gateway gives for a public key. */
export type IssuedSshCertificate = z.infer<typeof issued>;

/** Reads the answer of the gateway. Throws `installation-answer-invalid`. */
export function parseIssued(text: string): IssuedSshCertificate {
  try {
    return issued.parse(JSON.parse(text));
  } catch (cause) {
    throw new CordonError(
      'installation-answer-invalid',
      'the gateway sent a certificate that this version cannot read',
      {
        cause,
        hint: 'use the `cordon` command of the version that runs there',
      },
    );
  }
}
