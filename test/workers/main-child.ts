// A Cordon with two workers that a test may kill. Prints one line of JSON when it answers.
import { signAdaIn, startHere } from './estate.ts';

const [folder = ''] = process.argv.slice(2);
const cordon = await startHere({ folder, logged: [] });
const ada = await signAdaIn(cordon);
const cookies = Object.fromEntries(['verify', 'crown'].map((name) => [name, ada.cookie(`${name}.localhost`)]));
process.stdout.write(`${JSON.stringify({ port: cordon.ports.http, workers: cordon.front.workers, cookies })}\n`);
