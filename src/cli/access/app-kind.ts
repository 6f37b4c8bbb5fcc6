import { CordonError } from '#base';
import type { CliWorld } from '../world.ts';
import { type SoughtApp, findApp } from './find-app.ts';
import { askInstallation } from './installation.ts';
import { appAddress, connectionOf, readLogin } from './login.ts';

/** What an app speaks, as the gateway says it. */
export type AppKind = 'http' | 'tcp' | 'ssh' | 'kubernetes';

const WAYS: Readonly<Record<Exclude<AppKind, 'kubernetes'>, { readonly is: string; readonly way: string }>> = {
  http: { is: 'a web app', way: 'open it in a browser, or take a token with `cordon token`' },
  tcp: { is: 'a TCP app', way: 'reach it with `cordon connect`' },
  ssh: { is: 'an app for SSH', way: 'reach it with `cordon ssh`' },
};

/**
 * Refuses an app that is no Kubernetes API, before a person is asked about it. Throws `app-no-cluster`, `app-unknown`, `login-missing` and
 * what the connection fails with.
 */
export async function refuseOtherThanCluster(world: CliWorld, name: string): Promise<void> {
  const login = await readLogin(world);
  const app: SoughtApp = { login, connection: await connectionOf(login), ...appAddress(login, name) };
  await findApp(app, world.signal);
  const kind = await kindOf(app, world.signal);
  if (kind === 'kubernetes') return;
  const { is, way } = WAYS[kind];
  throw new CordonError('app-no-cluster', `\`${app.host}\` is ${is} and no Kubernetes API`, {
    hint: `${way} (\`${name}\`); an administrator makes it a cluster with \`kubernetes: { token_file: … }\` of the app`,
  });
}

async function kindOf({ connection, origin }: SoughtApp, signal: AbortSignal): Promise<AppKind> {
  const url = `${origin}/.cordon/app`;
  const { status, answer } = await askInstallation({ url, method: 'GET', connection, signal });
  const { kind } = answer;
  if (status === 200 && (kind === 'kubernetes' || isOther(kind))) return kind;
  throw new CordonError('installation-answer-invalid', `\`${origin}\` does not say what the app speaks`, {
    hint: 'use the `cordon` command of the version that runs there',
  });
}

function isOther(kind: unknown): kind is keyof typeof WAYS {
  return typeof kind === 'string' && Object.hasOwn(WAYS, kind);
}
