import { readFile, stat } from 'node:fs/promises';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { UpstreamOptions } from '#model';
import { UpstreamFault } from './fault.ts';

/** After files could not be read, they are tried again at most this often, milliseconds. */
const RETRY_MS = 1_000;

/**
 * The certificates and the key of one app's upstreams, from files. They are read when first needed, and again when they have changed on
 * the disk. Files that cannot be used at first refuse every connection; files that cannot be used any more leave the last good ones in
 * force.
 */
export class TlsFiles {
  readonly #paths: Pick<UpstreamOptions, 'ca' | 'certificate' | 'key'>;
  readonly #now: () => number;
  #context: SecureContext | undefined;
  #seen = '';
  #reading: Promise<SecureContext> | undefined;
  #failed: { readonly fault: UpstreamFault; readonly at: number } | undefined;

  constructor({ ca, certificate, key }: UpstreamOptions, now: () => number) {
    this.#paths = {
      ...(ca === undefined ? {} : { ca }),
      ...(certificate === undefined ? {} : { certificate }),
      ...(key === undefined ? {} : { key }),
    };
    this.#now = now;
  }

  /** What TLS uses now; undefined when no files are named. Rejects with `upstream-unreachable` while there is nothing usable. */
  async current(): Promise<SecureContext | undefined> {
    if (this.#context !== undefined || Object.keys(this.#paths).length === 0) return this.#context;
    if (this.#failed !== undefined && this.#now() - this.#failed.at < RETRY_MS) throw this.#failed.fault;
    this.#reading ??= this.#read().finally(() => (this.#reading = undefined));
    return await this.#reading;
  }

  /** Looks at the files. True when they were read anew: connections made with the old ones should go. Rejects as `current`, once for each change. */
  async refresh(): Promise<boolean> {
    if (this.#context === undefined) return false; // nothing is in force; who needs it reads it
    const seen = await this.#look().catch(() => 'unreadable');
    if (seen === this.#seen) return false;
    this.#seen = seen;
    await this.#read();
    return true;
  }

  /** What tells one state of the files from another. */
  async #look(): Promise<string> {
    const states = await Promise.all(Object.values(this.#paths).map(async (path) => await stat(path)));
    return states.map(({ mtimeMs, size, ino }) => `${mtimeMs} ${size} ${ino}`).join(', ');
  }

  async #read(): Promise<SecureContext> {
    try {
      const seen = await this.#look();
      const { ca, certificate, key } = this.#paths;
      this.#context = createSecureContext({
        ...(ca === undefined ? {} : { ca: await readFile(ca) }),
        ...(certificate === undefined ? {} : { cert: await readFile(certificate) }),
        ...(key === undefined ? {} : { key: await readFile(key) }),
      });
      this.#seen = seen;
      this.#failed = undefined;
      return this.#context;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const fault = new UpstreamFault(
        'upstream-unreachable',
        `cannot use the files \`${Object.values(this.#paths).join('`, `')}\`: ${why}`,
      );
      this.#failed = { fault, at: this.#now() };
      throw fault;
    }
  }
}
