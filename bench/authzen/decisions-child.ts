/**
 * All of Cordon, with the model of `examples/authzen-todo` and one client. Arguments: an empty folder. Tells its port, the host to name
 * and the key of the client.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { systemClock } from '#base';
import { startCordon, textSource } from '#server';

const [folder = ''] = process.argv.slice(2);
const example = join(import.meta.dirname, '../../examples/authzen-todo/todo');
const document = {
  listen: { http: '127.0.0.1:0', tls: 'off' },
  authzen: {
    models: {
      todo: {
        schema: join(example, 'todo.cedarschema'),
        policies: join(example, 'policies'),
        entities: join(example, 'entities.json'),
        types: { user: { entity: 'User' }, todo: { entity: 'Todo', properties: { ownerID: 'owner' } } },
        actions: { can_update_todo: { action: 'updateTodo' }, can_read_todos: { action: 'readTodos' } },
      },
    },
  },
};
const consoleDirectory = join(folder, 'console');
mkdirSync(consoleDirectory, { recursive: true });
for (const name of ['index.html', 'favicon.svg']) writeFileSync(join(consoleDirectory, name), '');
const cordon = await startCordon({
  version: '0',
  clock: systemClock,
  source: textSource({ text: JSON.stringify(document), policies: {} }, join(folder, 'data')),
  consoleDirectory,
  uid: 0,
  log: { info: () => {}, warn: () => {}, error: () => {} },
});
process.on('disconnect', () => process.exit());
process.send?.({
  port: cordon.ports.http,
  host: 'authz.localhost',
  path: '/todo',
  key: await makeKey(cordon.controlSocket),
});

async function makeKey(socketPath: string): Promise<string> {
  const answer = await new Promise<string>((resolve, reject) => {
    request(
      { socketPath, method: 'POST', path: '/api/authzen/clients', headers: { 'content-type': 'application/json' } },
      (response) => {
        text(response).then(resolve, reject);
      },
    )
      .on('error', reject)
      .end(JSON.stringify({ name: 'bench', models: ['todo'] }));
  });
  return (JSON.parse(answer) as { key: string }).key;
}
