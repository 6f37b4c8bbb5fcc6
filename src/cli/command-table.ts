import type { CommandRow } from './command.ts';
import { ACCESS } from './table/access.ts';
import { ASSETS } from './table/assets.ts';
import { DECISIONS } from './table/decisions.ts';
import { HOSTS } from './table/hosts.ts';
import { OPERATION } from './table/operation.ts';
import { PEOPLE } from './table/people.ts';
import { RECORDS } from './table/records.ts';
import { RULES } from './table/rules.ts';
import { TUNNELS } from './table/tunnels.ts';

/** Every command, in the order and under the titles in which help and reference show them. */
export const CHAPTERS: readonly { readonly title: string; readonly rows: readonly CommandRow[] }[] = [
  { title: 'operation', rows: OPERATION },
  { title: 'assets', rows: ASSETS },
  { title: 'people', rows: PEOPLE },
  { title: 'access to apps', rows: [...ACCESS, ...TUNNELS] },
  { title: 'devices', rows: HOSTS },
  { title: 'policies and segments', rows: RULES },
  { title: 'decisions for applications', rows: DECISIONS },
  { title: 'records', rows: RECORDS },
];

/** Every command. */
export const COMMANDS: readonly CommandRow[] = CHAPTERS.flatMap(({ rows }) => rows);
