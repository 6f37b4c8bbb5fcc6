import type { Json } from '#base';
import { complain, type JsonNode, text } from '../json-node.ts';

/** One user of a credential report. */
export interface CredentialRow {
  /** User name, or `<root_account>`. */
  readonly user: string;
  readonly arn: string;
  readonly facts: { readonly [key: string]: Json };
}

/**
 * The rows of `iam get-credential-report`: CSV text, in base64 from the raw API and plain from some tools.
 * Columns are found by their name in the first line. A line with another number of columns is a problem and is left out.
 */
export function credentialReport(node: JsonNode): CredentialRow[] {
  const content = text(node, 'Content');
  if (content === undefined) return [];
  const csv = content.startsWith('user,') ? content : Buffer.from(content, 'base64').toString('utf8');
  const [head, ...lines] = csv.split(/\r?\n/).filter((line) => line !== '');
  const columns = head?.split(',') ?? [];
  if (!columns.includes('user') || !columns.includes('arn')) {
    complain(node, 'Content', 'is not a credential report');
    return [];
  }
  return lines.flatMap((line, index) => {
    const cells = line.split(',');
    if (cells.length !== columns.length) {
      complain(node, 'Content', `has ${cells.length} columns in line ${index + 2}, not ${columns.length}`);
      return [];
    }
    const cell = (name: string): string | undefined => cells[columns.indexOf(name)];
    return [
      {
        user: cell('user') ?? '',
        arn: cell('arn') ?? '',
        facts: {
          // `not_supported` is what the root account answers: it always has a password.
          password: cell('password_enabled') !== 'false',
          mfa: cell('mfa_active') === 'true',
          accessKeys: ['access_key_1_active', 'access_key_2_active'].filter((name) => cell(name) === 'true').length,
          passwordLastUsed: cell('password_last_used') ?? 'N/A',
        },
      },
    ];
  });
}
