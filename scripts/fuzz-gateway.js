// Sends mutated requests to the gateway, and reads with a second parser what reached the app behind it.
// Usage: npm run fuzz:gateway [-- --seconds N] [--seed N]
// By default for 60 seconds: over HTTP/1.1 and HTTP/2, as somebody who may not and as somebody who may, a quarter of it each. Exits 1 on a finding, 2 on misuse.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const TEST = join(import.meta.dirname, '../test/attacks/gateway-fuzz.test.ts');

/** @returns {{ seed: string, seconds: string } | string} the options, or what is wrong with them */
function options() {
  try {
    const text = { type: /** @type {const} */ ('string') };
    const { values } = parseArgs({ options: { seconds: text, seed: text } });
    const { seconds = '60', seed = String(Date.now() % 2 ** 31) } = values;
    const wrong = Object.entries({ seconds, seed }).find(([, value]) => !/^\d{1,9}$/.test(value));
    return wrong === undefined ? { seconds, seed } : `--${wrong[0]} takes a whole number, not \`${wrong[1]}\``;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const wanted = options();
if (typeof wanted === 'string') {
  process.stderr.write(`error: ${wanted}\nhint: npm run fuzz:gateway -- --seconds 60 --seed 1\n`);
  process.exitCode = 2;
} else {
  const env = {
    ...process.env,
    CORDON_FUZZ_SECONDS: String(Number(wanted.seconds) / 4),
    CORDON_FUZZ_SEED: wanted.seed,
    NODE_TEST_CONTEXT: undefined, // or a test that runs this would be told in the runner's own encoding
  };
  process.stderr.write(`seed ${wanted.seed}\n`);
  const child = spawn(process.execPath, [TEST], { env, stdio: 'inherit' });
  child.on('exit', (code) => (process.exitCode = code === 0 ? 0 : 1));
}
