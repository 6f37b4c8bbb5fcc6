import { readdirSync, readFileSync } from 'node:fs';

const ESTATE = new URL('estate/', import.meta.url);
const POLICIES = new URL('policies/', ESTATE);

/** The demo's configuration document and its policies, as `parseConfiguration` takes them; the files of `estate/`. */
export const DEMO_SOURCE: { readonly text: string; readonly policies: Readonly<Record<string, string>> } = {
  text: readFileSync(new URL('cordon.yaml', ESTATE), 'utf8'),
  policies: Object.fromEntries(
    readdirSync(POLICIES)
      .sort()
      .map((file) => [file, readFileSync(new URL(file, POLICIES), 'utf8')]),
  ),
};
