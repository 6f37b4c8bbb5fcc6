import { readFileSync } from 'node:fs';

/** The Cedar schema text of all policies, from `schema.cedarschema` beside this file. */
export const CEDAR_SCHEMA: string = readFileSync(new URL('schema.cedarschema', import.meta.url), 'utf8');
