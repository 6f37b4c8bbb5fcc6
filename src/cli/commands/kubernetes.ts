import { stringify } from 'yaml';
import { CordonError } from '#base';
import { type AppToken, appToken } from '../access/app-token.ts';
import { refuseOtherThanCluster } from '../access/app-kind.ts';
import { readLogin } from '../access/login.ts';
import type { CommandContext } from '../command.ts';
import { askApp, type TokenSource } from '../tunnel/ask-app.ts';

const API_VERSIONS = ['v1', 'v1beta1'] as const;
const GROUP = 'client.authentication.k8s.io';
/** Public at every app, and still nobody with a token that is not good gets an answer there. */
const KEYS_PATH = '/.cordon/jwks.json';

/** `cordon kubeconfig` */
export async function kubeconfig(context: CommandContext): Promise<number> {
  const { args, world, out } = context;
  const app = args.at(0);
  const version = args.choice('api-version', API_VERSIONS) ?? 'v1';
  const { url, ca } = await readLogin(world);
  if (!url.startsWith('https:')) {
    throw new CordonError('login-address-invalid', `kubectl sends no token without TLS, and \`${url}\` is without`, {
      hint: 'run `cordon login` with the address that begins with `https://`',
    });
  }
  await refuseOtherThanCluster(world, app);
  const token = await appToken(world, app, { form: 'bearer' });
  const [command, ...words] = world.self;
  const name = token.host;
  // kubectl trusts what the system trusts unless it is told.
  const authority = ca === undefined ? {} : { 'certificate-authority-data': Buffer.from(ca).toString('base64') };
  const file = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: token.origin, ...authority } }],
    users: [
      {
        name,
        user: {
          exec: {
            apiVersion: `${GROUP}/${version}`,
            command,
            args: [...words, 'kube-credential', app, '--api-version', version],
            interactiveMode: 'IfAvailable',
            installHint: 'install Cordon, and see that `cordon` is in the path',
          },
        },
      },
    ],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  };
  // One text either way: kubectl reads JSON too, and the file is the result.
  if (out.isJson) out.document(file);
  else for (const line of stringify(file).trimEnd().split('\n')) out.line(line);
  return 0;
}

/** `cordon kube-credential`: what kubectl runs to get a token, always as JSON. */
export async function credential(context: CommandContext): Promise<number> {
  const { args, world, out } = context;
  const version = args.choice('api-version', API_VERSIONS) ?? 'v1';
  // kubectl cannot prove possession of a key, so the token is one that needs no proof, and lives shorter for it.
  const source: TokenSource = async (isFresh) => await appToken(world, args.at(0), { form: 'bearer', isFresh });
  const { text, expiresAt } = await livingToken(source, world.signal);
  out.document({
    apiVersion: `${GROUP}/${version}`,
    kind: 'ExecCredential',
    status: { token: text, expirationTimestamp: new Date(expiresAt).toISOString().replace(/\.\d{3}Z$/, 'Z') },
  });
  return 0;
}

/** A token that the gateway takes: one that is kept may have ended with its session, and kubectl would be given it again and again. */
async function livingToken(source: TokenSource, signal: AbortSignal): Promise<AppToken> {
  let token: AppToken | undefined;
  const noted: TokenSource = async (isFresh) => (token = await source(isFresh));
  await askApp(noted, { method: 'GET', path: KEYS_PATH, signal });
  return token ?? (await source(false));
}
