import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { CommandResult } from '../command.ts';
import { type Host, thisHost } from '../host.ts';

/** What a command prints, or how it fails. Text means exit code 0. */
export type Scripted =
  | string
  | { readonly code: number; readonly stdout?: string; readonly stderr?: string }
  | CommandResult;

/** A host made of files and scripted commands. A command that is not scripted is not installed. */
export interface FakeHost extends Host {
  readonly root: string;
  /** Scripted commands, by `command args` or by `command`. */
  readonly commands: Map<string, Scripted>;
  /** Every command that was run, with its arguments. */
  readonly ran: string[];
  own: string[];
  /** Writes a file, by default one that is a day old. */
  file(path: string, text?: string, modifiedAt?: number): void;
  /** Sets when a file or directory last changed. */
  touch(path: string, modifiedAt: number): void;
  link(path: string, target: string): void;
  remove(path: string): void;
}

/** Makes a host of these files and commands, in a temporary directory. */
export function fakeHost(o: { files?: Record<string, string>; commands?: Record<string, Scripted> } = {}): FakeHost {
  const root = mkdtempSync(join(tmpdir(), 'cordon-host-'));
  const commands = new Map(Object.entries(o.commands ?? {}));
  const ran: string[] = [];
  const file = (path: string, text = '', modifiedAt?: number): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
    if (modifiedAt !== undefined) utimesSync(join(root, path), modifiedAt / 1000, modifiedAt / 1000);
  };
  for (const [path, text] of Object.entries(o.files ?? {})) file(path, text);
  const host: FakeHost = {
    ...thisHost(root),
    hostname: 'web-1',
    root,
    commands,
    ran,
    own: ['10.0.0.7'],
    file,
    touch: (path, modifiedAt) => utimesSync(join(root, path), modifiedAt / 1000, modifiedAt / 1000),
    link: (path, target) => {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      symlinkSync(target, join(root, path));
    },
    remove: (path) => rmSync(join(root, path), { recursive: true, force: true }),
    run: async (command, args) => {
      const line = [command, ...args].join(' ');
      ran.push(line);
      const scripted = commands.get(line) ?? commands.get(command);
      if (scripted === undefined) return { outcome: 'absent' };
      if (typeof scripted === 'string') return { outcome: 'exited', code: 0, stdout: scripted, stderr: '' };
      if ('outcome' in scripted) return scripted;
      return { outcome: 'exited', code: scripted.code, stdout: scripted.stdout ?? '', stderr: scripted.stderr ?? '' };
    },
    addresses: () => host.own,
  };
  return host;
}
