import type { Observed, OsRelease } from '#wire';
import type { Host } from '../host.ts';
import { type FactSource, unknown } from './source.ts';

const FILES = ['etc/os-release', 'usr/lib/os-release'] as const;

/** The distribution's release and the running kernel, from os-release(5) and procfs. */
export const osRelease: FactSource<OsRelease> = { observe: observeRelease, maxAgeMs: 10_000, restMs: 0 };

async function observeRelease(host: Host): Promise<Observed<OsRelease>> {
  const text = (await host.read(FILES[0])) ?? (await host.read(FILES[1]));
  if (text === undefined) return unknown('there is neither /etc/os-release nor /usr/lib/os-release');
  const fields = parseFields(text);
  const id = fields.get('ID') ?? '';
  if (!/^[a-z0-9._-]{1,64}$/.test(id)) return unknown('os-release names no distribution (ID)');
  const kernel = (await host.read('proc/sys/kernel/osrelease'))?.trim();
  if (kernel === undefined || kernel === '') return unknown('the kernel does not tell its release');
  return {
    value: {
      id,
      idLike: (fields.get('ID_LIKE') ?? '')
        .split(/\s+/)
        .filter((word) => /^[a-z0-9._-]{1,64}$/.test(word))
        .slice(0, 16),
      versionId: (fields.get('VERSION_ID') ?? '').slice(0, 64),
      prettyName: (fields.get('PRETTY_NAME') ?? fields.get('NAME') ?? id).slice(0, 512),
      kernel: kernel.slice(0, 128),
    },
  };
}

/** The assignments of os-release: a shell's syntax without substitutions. */
function parseFields(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^([A-Z][A-Z0-9_]*)=(.*)$/.exec(line.trim());
    if (match !== null) fields.set(match[1] ?? '', unquote(match[2] ?? ''));
  }
  return fields;
}

function unquote(text: string): string {
  const [, quote, inside] = /^(["'])(.*)\1$/.exec(text) ?? [];
  if (quote === undefined || inside === undefined) return text;
  return quote === '"' ? inside.replaceAll(/\\(["$`\\])/g, '$1') : inside;
}
