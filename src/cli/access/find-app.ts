import { CordonError } from '#base';
import { askInstallation } from './installation.ts';
import type { Connection, Login } from './login.ts';

/** An app whose host is to be found. */
export interface SoughtApp {
  readonly login: Login;
  readonly connection: Connection;
  readonly host: string;
  readonly origin: string;
}

/**
 * Asks whether an app is published at the host, before a person is asked about it: a name with a slip in it, a server that is down and a
 * certificate that is not trusted are said at once, instead of by a browser while this command waits. Throws `app-unknown`, the refusal of
 * the gateway, and what the connection fails with.
 */
export async function findApp({ login, connection, host, origin }: SoughtApp, signal: AbortSignal): Promise<void> {
  const url = `${origin}/.cordon/jwks.json`;
  const { status, answer } = await askInstallation({ url, method: 'GET', connection, signal });
  if (status === 200) return;
  if (status === 404) {
    throw new CordonError('app-unknown', `no app is published at \`${host}\``, {
      hint: `your page at ${login.url} lists those for you; name one by its host, or the first part of it`,
    });
  }
  const { code, message, hint } = answer;
  throw new CordonError(
    typeof code === 'string' ? code : 'installation-answer-invalid',
    typeof message === 'string' ? message : `\`${host}\` answers with status ${status}`,
    typeof hint === 'string' ? { hint } : {},
  );
}
