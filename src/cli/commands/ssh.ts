import { spawn } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { CordonError } from '#base';
import { appToken } from '../access/app-token.ts';
import { misuse } from '../arguments.ts';
import type { CommandContext } from '../command.ts';
import { timeText } from '../pieces.ts';
import { askApp, type TokenSource, unlessRefused } from '../tunnel/ask-app.ts';
import { type IssuedSshCertificate, parseIssued } from '../tunnel/ssh-certificate.ts';

const CERTIFICATE_PATH = '/.cordon/ssh-certificate';

/** `cordon ssh` */
export async function ssh(context: CommandContext): Promise<number> {
  return await unlessRefused(context.out, async () => await runSsh(context));
}

async function runSsh(context: CommandContext): Promise<number> {
  const { args, world } = context;
  const [, login, app = ''] = /^(?:([^@]*)@)?(.*)$/.exec(args.at(0)) ?? [];
  if (app === '' || login === '') throw misuse(args.row, 'the app is missing: `cordon ssh [LOGIN@]APP`');
  const folder = await mkdtemp(join(tmpdir(), 'cordon-ssh-'));
  try {
    const key = join(folder, 'key');
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'cordon', '-f', key]);
    const issued = await certify(context, app, `${key}.pub`);
    const { principals } = issued;
    if (login !== undefined && !principals.includes(login)) {
      // Else sshd would ask for a password, as if one could help.
      throw misuse(args.row, `\`${app}\` lets you log in as \`${principals.join('`, `')}\`, not as \`${login}\``);
    }
    await writeFile(`${key}-cert.pub`, `${issued.certificate}\n`);
    const proxy = [...world.self, 'connect', app, '--stdio'].map(quoted).join(' ');
    return await run('ssh', [
      ...options({
        ProxyCommand: proxy,
        IdentityFile: key,
        CertificateFile: `${key}-cert.pub`,
        IdentitiesOnly: 'yes',
        // The key of a host is remembered by the app, whatever way leads there.
        HostKeyAlias: issued.host,
        User: login ?? principals[0] ?? '',
      }),
      issued.host,
      ...args.positionals.slice(1),
    ]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** `cordon ssh-certificate` */
export async function certificate(context: CommandContext): Promise<number> {
  return await unlessRefused(context.out, async () => await writeCertificate(context));
}

async function writeCertificate(context: CommandContext): Promise<number> {
  const { args, world, out } = context;
  const file = resolve(world.cwd, args.required('key'));
  const publicFile = file.endsWith('.pub') ? file : `${file}.pub`;
  const issued = await certify(context, args.at(0), publicFile);
  const target = publicFile.replace(/\.pub$/, '-cert.pub');
  await writeFile(target, `${issued.certificate}\n`, { mode: 0o644 });
  await chmod(target, 0o644);
  const { principals, expiresAt } = issued;
  if (out.isJson) out.document({ file: target, principals, expiresAt });
  else out.line(`${target} is good for ${principals.join(', ')} until ${timeText(expiresAt)}`);
  return 0;
}

async function certify({ world }: CommandContext, app: string, publicFile: string): Promise<IssuedSshCertificate> {
  const body = await readFile(publicFile, 'utf8').catch((cause: unknown) => {
    throw new CordonError('public-key-unreadable', `the public key \`${publicFile}\` cannot be read`, {
      cause,
      hint: 'make a key with `ssh-keygen -t ed25519`, and name it with `--key FILE`',
    });
  });
  const source: TokenSource = async (isFresh) => await appToken(world, app, { isFresh });
  const text = await askApp(source, {
    method: 'POST',
    path: CERTIFICATE_PATH,
    headers: { 'content-type': 'text/plain' },
    body,
    signal: world.signal,
  });
  return parseIssued(text);
}

/** Options that this command sets cannot be set again behind it: ssh takes the first value of each. */
function options(values: Readonly<Record<string, string>>): string[] {
  return Object.entries(values)
    .filter(([, value]) => value !== '')
    .flatMap(([name, value]) => ['-o', `${name}=${name === 'ProxyCommand' ? value : value.replaceAll('%', '%%')}`]);
}

/** A word for the shell that ssh runs its `ProxyCommand` with; `%` is a sign of ssh's own. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`).replaceAll('%', '%%')}'`;
}

/** Runs a program in this terminal; resolves with its exit code. */
async function run(program: string, words: readonly string[]): Promise<number> {
  return await new Promise((settle, reject) => {
    const child = spawn(program, words, { stdio: 'inherit' });
    child.once('error', (cause) => {
      reject(
        new CordonError('program-missing', `\`${program}\` cannot be run: ${cause.message}`, {
          cause,
          hint: 'install the client of OpenSSH (Debian: `openssh-client`)',
        }),
      );
    });
    child.once('exit', (code, signal) => settle(code ?? (signal === null ? 255 : 130)));
  });
}
