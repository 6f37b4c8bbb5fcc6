import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { X509Certificate } from 'node:crypto';
import { CordonError } from '#base';
import { appToken, TOKEN_DIRECTORY } from '../access/app-token.ts';
import { askInstallation } from '../access/installation.ts';
import { appAddress, connectionOf, type Login, LOGIN_FILE, parseIdentityUrl, readLogin } from '../access/login.ts';
import { removePrivate, writePrivate } from '../access/private-files.ts';
import { misuse } from '../arguments.ts';
import type { CommandContext } from '../command.ts';
import { timeText } from '../pieces.ts';

/** `cordon login` */
export async function login(context: CommandContext): Promise<number> {
  const { args, world, out } = context;
  const url = args.text('url');
  const chosen = url === undefined ? await readLogin(world) : await loginOf(context, url);
  // Whoever answers there must be certified as told, and be Cordon, before anything is kept.
  const { status, answer } = await askInstallation({
    url: `${chosen.url}/api/profile`,
    method: 'GET',
    connection: await connectionOf(chosen),
    signal: world.signal,
  });
  if (status !== 401 || typeof answer['error'] !== 'object') {
    throw new CordonError(
      'installation-answer-invalid',
      `what answers at \`${chosen.url}\` is not Cordon (status ${status})`,
      {
        hint: 'name the identity host, as your browser shows it at the sign-in',
      },
    );
  }
  if (url !== undefined) {
    await removePrivate(world.person.directory, TOKEN_DIRECTORY);
    await writePrivate(world.person.directory, LOGIN_FILE, { ...chosen });
  }
  if (out.isJson)
    out.document({
      url: chosen.url,
      hasOwnAuthority: chosen.ca !== undefined,
      device: chosen.device ?? chosen.certificate ?? null,
    });
  else out.line(`commands of this computer talk to ${chosen.url}`);
  return 0;
}

async function loginOf({ args, world }: CommandContext, url: string): Promise<Login> {
  const [ca, device, certificate, key] = ['ca', 'device', 'certificate', 'key'].map((name) => args.text(name));
  if ((certificate === undefined) !== (key === undefined)) {
    throw misuse(args.row, '`--certificate` and `--key` belong together');
  }
  if (device !== undefined && certificate !== undefined) {
    throw misuse(args.row, '`--device` and `--certificate` exclude each other');
  }
  return {
    url: parseIdentityUrl(url),
    ...(ca === undefined ? {} : { ca: await authorities(resolve(world.cwd, ca), ca) }),
    ...(device === undefined ? {} : { device: resolve(world.cwd, device) }),
    ...(certificate === undefined || key === undefined
      ? {}
      : { certificate: resolve(world.cwd, certificate), key: resolve(world.cwd, key) }),
  };
}

/** The certificates of a PEM file. A file without one would trust nobody, or, read otherwise, everybody. */
async function authorities(path: string, name: string): Promise<string> {
  try {
    const pem = await readFile(path, 'utf8');
    const found = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    if (found.length === 0) throw new Error('it holds no certificate in PEM form');
    for (const one of found) new X509Certificate(one);
    return `${found.join('\n')}\n`;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CordonError('login-authority-invalid', `\`${name}\` cannot be used: ${why}`, {
      cause,
      hint: 'name a PEM file with the certificate of the authority, such as `authority.pem` of an agent',
    });
  }
}

/** `cordon logout` */
export async function logout({ world, out }: CommandContext): Promise<number> {
  for (const name of [TOKEN_DIRECTORY, LOGIN_FILE]) await removePrivate(world.person.directory, name);
  if (out.isJson) out.document({ ok: true });
  else out.line('tokens and keys of this computer are removed; your page at the identity host ends them there');
  return 0;
}

/** `cordon token` */
export async function token({ args, world, out }: CommandContext): Promise<number> {
  const target = args.text('for');
  const form = args.has('bearer') ? 'bearer' : 'dpop';
  const { origin } = appAddress(await readLogin(world), args.at(0));
  const url = URL.parse(target ?? '/', origin);
  if (url?.origin !== origin) throw misuse(args.row, `\`--for\` takes an address below \`${origin}\``);
  const made = await appToken(world, args.at(0), {
    form,
    isFresh: args.has('fresh'),
    way: args.has('no-browser') ? 'paste' : 'open',
  });
  // Methods are written in capitals, and the gateway takes no other.
  const fields = made.proofFor((args.text('method') ?? 'GET').toUpperCase(), url.href);
  if (out.isJson) {
    const { text, host, expiresAt } = made;
    out.document({ token: text, form, host, origin, expiresAt, ...(target === undefined ? {} : { fields }) });
  } else if (target === undefined) {
    out.line(made.text);
    out.note(
      `${form === 'dpop' ? 'bound to a key of this computer: add `--for URL` for the fields of a request; ' : ''}ends ${timeText(made.expiresAt)}`,
    );
  } else for (const [name, value] of Object.entries(fields)) out.line(`${name}: ${value}`);
  return 0;
}
