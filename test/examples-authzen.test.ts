import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { systemClock } from '#base';
import { loadConfiguration } from '#config';
import { type Cordon, startCordon } from '#server';

const ROOT = join(import.meta.dirname, '..');
const EXAMPLE = join(ROOT, 'examples/authzen-todo');
const VECTORS = join(ROOT, '../shared/data/authzen/todo/decisions-authorization-api-1_0-02.json');

/** What the example must answer. `ask` is `SUBJECT ACTION TYPE/ID`; the subject is a user. */
interface Expected {
  readonly authzen: readonly (Asked & {
    readonly decision: boolean;
    readonly reasons?: Readonly<Record<string, string>>;
  })[];
  readonly searches: readonly (Asked & { readonly search: string; readonly found: readonly string[] })[];
}

interface Asked {
  readonly when: string;
  readonly ask: string;
  /** Of the resource. */
  readonly properties?: object;
}

/** Published decisions of the interoperability scenario. */
interface Vectors {
  readonly evaluation: readonly { readonly request: object; readonly expected: boolean }[];
  readonly evaluations: readonly { readonly request: object; readonly expected: readonly object[] }[];
}

interface Answer {
  readonly decision: boolean;
  readonly context?: { readonly reason_admin?: object };
  readonly evaluations: readonly { readonly decision: boolean }[];
  readonly results: readonly { readonly id?: string; readonly name?: string }[];
  readonly page: { readonly next_token: string };
}

describe('example authzen-todo, asked over HTTP', () => {
  const expected = JSON.parse(readFileSync(join(EXAMPLE, 'expected.json'), 'utf8')) as Expected;
  const folder = mkdtempSync(join(tmpdir(), 'cordon-authzen-'));
  let cordon: Cordon;
  let key: string;

  before(async () => {
    cordon = await started(folder);
    const made = await post(
      { socketPath: cordon.controlSocket, path: '/api/authzen/clients' },
      { name: 'todo', models: ['todo'] },
    );
    ({ key } = JSON.parse(made) as { key: string });
  });
  after(async () => {
    await cordon.stop();
    rmSync(folder, { recursive: true });
  });

  const ask = async (endpoint: string, body: object): Promise<Answer> => {
    const to = { host: '127.0.0.1', port: cordon.ports.http, path: `/todo/access/v1/${endpoint}` };
    return JSON.parse(
      await post({ ...to, headers: { host: 'authz.localhost', authorization: `Bearer ${key}` } }, body),
    );
  };

  for (const { when, decision, reasons, ...asked } of expected.authzen) {
    it(`answers ${decision ? 'permit' : 'deny'} when ${when}`, async () => {
      const answer = await ask('evaluation', bodyOf(asked));
      assert.deepEqual([answer.decision, answer.context?.reason_admin], [decision, reasons]);
    });
  }

  for (const { when, search, found, ...asked } of expected.searches) {
    it(`finds ${when}`, async () => {
      const { results, page } = await ask(`search/${search}`, bodyOf(asked));
      assert.deepEqual(
        results.map(({ id, name }) => id ?? name),
        found,
      );
      assert.equal(page.next_token, '');
    });
  }

  it('decides every published vector of the interoperability scenario', async (t) => {
    if (!existsSync(VECTORS)) {
      t.skip('the published vectors are not here (../shared/data/authzen/todo)');
      return;
    }
    const { evaluation, evaluations } = JSON.parse(readFileSync(VECTORS, 'utf8')) as Vectors;
    assert.deepEqual([evaluation.length, evaluations.length], [40, 3]);
    for (const { request: body, expected: decision } of evaluation) {
      assert.equal((await ask('evaluation', body)).decision, decision, JSON.stringify(body));
    }
    for (const { request: body, expected: decisions } of evaluations) {
      const answer = await ask('evaluations', body);
      assert.deepEqual(
        answer.evaluations.map(({ decision }) => ({ decision })),
        decisions,
        JSON.stringify(body),
      );
    }
  });
});

async function started(folder: string): Promise<Cordon> {
  const configuration = loadConfiguration(join(EXAMPLE, 'cordon.yaml'));
  assert.ok(configuration.ok, JSON.stringify(configuration));
  const listen = { http: { host: '127.0.0.1', port: 0 }, tls: undefined };
  const value = { ...configuration.value, listen, data: join(folder, 'data') };
  return await startCordon({
    version: '0',
    clock: systemClock,
    source: { name: 'the example', read: () => ({ ok: true, value }), fingerprint: () => '' },
    consoleDirectory: join(ROOT, 'console/dist'),
    uid: 0,
    log: { info: () => {}, warn: () => {}, error: () => {} },
  });
}

function bodyOf({ ask, properties }: Pick<Asked, 'ask' | 'properties'>): object {
  const [subject = '', action = '', resource = ''] = ask.split(' ');
  const [type = '', id = ''] = resource.split('/');
  return {
    subject: { type: 'user', id: subject },
    action: { name: action },
    resource: { type, id, ...(properties === undefined ? {} : { properties }) },
  };
}

async function post(to: object, body: object): Promise<string> {
  return await new Promise((resolve, reject) => {
    const sent = request({ ...to, method: 'POST', agent: false }, (response) => {
      text(response).then((read) => {
        if (response.statusCode === 200) resolve(read);
        else reject(new Error(`${response.statusCode} ${read}`));
      }, reject);
    });
    sent.on('error', reject).setHeader('content-type', 'application/json');
    sent.end(JSON.stringify(body));
  });
}
