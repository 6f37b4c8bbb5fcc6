import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { z } from 'zod';
import type { Json } from '#base';
import { callLocal } from '../testdata/browser.ts';
import { type DecisionBench, openDecisionBench, question } from './testdata/decision-bench.ts';

const SCHEMAS = join(import.meta.dirname, '../../../../shared/data/authzen/schemas');

type Body = Record<string, Json>;

const ENDPOINTS = ['evaluation', 'evaluations', 'search/subject', 'search/resource', 'search/action'].map(
  (name) => `/library/access/v1/${name}`,
);
const EVALUATION = '/library/access/v1/evaluation';
const EVALUATIONS = '/library/access/v1/evaluations';

describe('the decision point (AuthZEN 1.0)', () => {
  let bench: DecisionBench;
  before(async () => {
    bench = await openDecisionBench();
  });
  after(async () => await bench.close());

  const decide = async (body: Body, path = EVALUATION): Promise<Body> => {
    const answer = await bench.ask(path, body);
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.headers['content-type'], 'application/json');
    return answer.json();
  };
  const why = (code: string, forAdmin: string, forUser: string): Body => ({
    decision: false,
    context: { reason_admin: { [code]: forAdmin }, reason_user: { [code]: forUser } },
  });

  describe('answers', () => {
    it('a permit with nothing but the decision', async () => {
      assert.deepEqual(await decide(question('ann', 'borrow', 'atlas')), { decision: true });
    });

    it('a denial with status 200, its reason for the administrator and for the person', async () => {
      const title = 'No policy permits this';
      assert.deepEqual(await decide(question('cat', 'borrow', 'atlas')), why('no-permit', title, title));
      assert.deepEqual(
        await decide(question('ann', 'borrow', 'noir', { context: { age: 7 } })),
        why('forbidden', 'A policy forbids this: library.cedar#too-young', 'A policy forbids this'),
      );
    });

    const denials: readonly (readonly [what: string, body: Body, code: string])[] = [
      [
        'a type of subject that the model does not know',
        question('ann', 'browse', 'atlas', { subject: { type: 'robot', id: 'r' } }),
        'type-unknown',
      ],
      [
        'a type of resource that the model does not know',
        question('ann', 'browse', 'atlas', { resource: { type: 'film', id: 'f' } }),
        'type-unknown',
      ],
      [
        'a type by its name in Cedar',
        question('ann', 'browse', 'atlas', { subject: { type: 'Library::Reader', id: 'ann' } }),
        'type-unknown',
      ],
      ['an action that the model does not know', question('ann', 'burn', 'atlas'), 'action-unknown'],
      ['an action named like a member of every object', question('ann', 'constructor', 'atlas'), 'action-unknown'],
      ['an action that is not for the resource', question('ann', 'audit', 'atlas'), 'attributes-invalid'],
      [
        'a context without what the action needs',
        question('ann', 'borrow', 'atlas', { context: {} }),
        'attributes-invalid',
      ],
      [
        'a context of the wrong type',
        question('ann', 'borrow', 'atlas', { context: { age: 'thirty' } }),
        'attributes-invalid',
      ],
      [
        'a fraction where a whole number belongs',
        question('ann', 'borrow', 'atlas', { context: { age: 30.5 } }),
        'attributes-invalid',
      ],
      [
        'a number that is not exact',
        question('ann', 'borrow', 'atlas', { context: { age: 2 ** 53 } }),
        'attributes-invalid',
      ],
      ['a subject that nobody knows', question('zoe', 'borrow', 'atlas'), 'no-permit'],
      [
        'a property of the wrong type',
        question('ann', 'borrow', 'atlas', { subject: { type: 'reader', id: 'ann', properties: { fines: 'none' } } }),
        'attributes-invalid',
      ],
      [
        'a property that makes a policy err',
        question('ann', 'borrow', 'atlas', {
          subject: { type: 'reader', id: 'ann', properties: { fines: Number.MAX_SAFE_INTEGER } },
        }),
        'forbidden',
      ],
      [
        'an unknown reader without what the schema demands',
        question('zoe', 'borrow', 'atlas', { subject: { type: 'reader', id: 'zoe', properties: { fines: 1 } } }),
        'attributes-invalid',
      ],
    ];
    for (const [what, body, code] of denials) {
      it(`a denial \`${code}\` to ${what}`, async () => {
        const { decision, context } = await decide(body);
        assert.equal(decision, false);
        assert.deepEqual(Object.keys((context as { reason_admin: object }).reason_admin), [code]);
      });
    }

    it('a denial about a model that nobody has declared', async () => {
      const { key } = await bench.addClient('of a model that is gone', ['library']);
      const { configuration } = bench.services;
      const declared = [...configuration().authzen];
      Object.assign(configuration(), { authzen: [] });
      try {
        const answer = await bench.ask(EVALUATION, question('ann', 'browse', 'atlas'), { key });
        const title = 'Nobody has declared this model';
        assert.deepEqual(answer.json(), why('model-unknown', title, title));
        const found = await bench.ask('/library/access/v1/search/subject', question('ann', 'browse', 'atlas'), { key });
        const { context } = why('model-unknown', title, title);
        assert.deepEqual(found.json(), { results: [], page: { next_token: '', count: 0 }, context: context ?? '' });
      } finally {
        Object.assign(configuration(), { authzen: declared });
      }
    });

    it('by properties for one request, never in the place of what the model knows', async () => {
      const reader = (id: string, properties: Body): Body => ({ subject: { type: 'reader', id, properties } });
      const book = (id: string, properties: Body): Body => ({ resource: { type: 'book', id, properties } });
      const fined = await decide(question('ann', 'borrow', 'atlas', reader('ann', { fines: 20 })));
      assert.equal(fined['decision'], false, 'she has fines');
      assert.deepEqual(await decide(question('ann', 'borrow', 'atlas')), { decision: true }, 'in that request only');
      const talked = await decide(question('bob', 'borrow', 'atlas', reader('bob', { fines: 0 })));
      assert.equal(talked['decision'], false, 'his fines cannot be talked away');
      const rated = await decide(question('ann', 'borrow', 'atlas', book('atlas', { rated: 50 })));
      assert.equal(rated['decision'], false);
      const lowered = await decide(
        question('ann', 'borrow', 'noir', { ...book('noir', { rated: 1 }), context: { age: 7 } }),
      );
      assert.equal(lowered['decision'], false, 'nor can what a book is rated');
      const ignored = await decide(
        question('ann', 'borrow', 'atlas', book('atlas', { minimumAge: 50, other: [null] })),
      );
      assert.deepEqual(ignored, { decision: true }, 'what the mapping does not name is ignored');
      const nothing = await decide(question('ann', 'borrow', 'atlas', book('atlas', { rated: null })));
      assert.deepEqual(nothing, { decision: true }, 'nothing is as good as absent');
    });

    it('by the properties of the action', async () => {
      const by = (via: string): Body => ({ action: { name: 'borrow', properties: { via } } });
      assert.deepEqual(await decide(question('ann', 'borrow', 'atlas', by('desk'))), { decision: true });
      assert.equal((await decide(question('ann', 'borrow', 'atlas', by('phone'))))['decision'], false);
    });

    it('with the request id it was sent, and with none when none was sent', async () => {
      const headers = { 'x-request-id': 'bfe9eb29-ab87 arbitrary; text' };
      for (const path of ENDPOINTS) {
        for (const body of [question('ann', 'browse', 'atlas'), {}, '{']) {
          const answer = await bench.ask(path, body, { headers });
          assert.equal(answer.headers['x-request-id'], headers['x-request-id'], `${path} ${answer.status}`);
        }
        assert.equal(
          (await bench.ask(path, {}, { key: undefined, headers })).headers['x-request-id'],
          headers['x-request-id'],
        );
      }
      assert.equal(
        (await bench.ask(EVALUATION, question('ann', 'browse', 'atlas'))).headers['x-request-id'],
        undefined,
      );
    });

    it('nothing that may be stored or taken for something else', async () => {
      for (const body of [question('ann', 'browse', 'atlas'), {}]) {
        const { headers } = await bench.ask(EVALUATION, body);
        assert.equal(headers['cache-control'], 'no-store');
        assert.equal(headers['x-content-type-options'], 'nosniff');
      }
    });

    it('documents of the published schemas', async (t) => {
      if (!existsSync(SCHEMAS)) {
        t.skip('the schemas of the standard are not here (../shared/data/authzen/schemas)');
        return;
      }
      const schemaOf = (name: string): z.ZodType =>
        z.fromJSONSchema(JSON.parse(readFileSync(join(SCHEMAS, `${name}.schema.json`), 'utf8')));
      const [request, response] = [schemaOf('evaluation-request'), schemaOf('evaluation-response')];
      const bodies = [question('ann', 'browse', 'atlas'), ...denials.map(([, body]) => body)];
      for (const body of bodies) {
        assert.ok(request.safeParse(body).success);
        assert.ok(response.safeParse(await decide(body)).success);
      }
      const { evaluations } = await decide({ evaluations: [...bodies, {}] }, EVALUATIONS);
      assert.ok(Array.isArray(evaluations) && evaluations.length === bodies.length + 1);
      for (const one of evaluations) assert.ok(response.safeParse(one).success);
      assert.equal(response.safeParse({ decision: 'yes' }).success, false, 'the schema refuses something');
    });
  });

  describe('decides several questions', () => {
    const [permit, deny] = [question('ann', 'borrow', 'atlas'), question('cat', 'borrow', 'atlas')];
    const decisions = async (body: Body): Promise<(Json | undefined)[]> => {
      const { evaluations } = await decide(body, EVALUATIONS);
      return (evaluations as Body[]).map(({ decision }) => decision);
    };
    const table: readonly (readonly [semantic: string | undefined, items: Body[], expected: boolean[]])[] = [
      [undefined, [permit, deny, permit], [true, false, true]],
      ['execute_all', [permit, deny, permit], [true, false, true]],
      ['deny_on_first_deny', [permit, deny, permit], [true, false]],
      ['deny_on_first_deny', [permit, permit], [true, true]],
      ['deny_on_first_deny', [permit, {}, permit], [true, false]],
      ['permit_on_first_permit', [deny, permit, deny], [false, true]],
      ['permit_on_first_permit', [{}, deny, permit, deny], [false, false, true]],
      ['permit_on_first_permit', [deny, deny], [false, false]],
    ];
    for (const [semantic, items, expected] of table) {
      it(`${semantic ?? 'all of them by default'}: ${expected.join(', ')}`, async () => {
        const options = semantic === undefined ? {} : { options: { evaluations_semantic: semantic } };
        assert.deepEqual(await decisions({ ...options, evaluations: items }), expected);
      });
    }

    it('with defaults from the top', async () => {
      const evaluations = [{}, { subject: { type: 'reader', id: 'cat' } }, { resource: { type: 'book', id: 'noir' } }];
      assert.deepEqual(await decisions({ ...permit, evaluations }), [true, false, true]);
    });

    it('and says of a bad item what is wrong with it, without failing the others', async () => {
      const { evaluations } = await decide(
        { evaluations: [permit, { ...permit, subject: 'ann' }, permit] },
        EVALUATIONS,
      );
      assert.deepEqual(evaluations, [
        { decision: true },
        { decision: false, context: { error: { status: 400, message: '`subject` must be an object' } } },
        { decision: true },
      ]);
    });

    it('as one evaluation, without a list', async () => {
      assert.deepEqual(await decide(permit, EVALUATIONS), { decision: true });
      assert.deepEqual(await decide({ ...permit, evaluations: [] }, EVALUATIONS), { decision: true });
      assert.equal((await bench.ask(EVALUATIONS, { evaluations: [] })).status, 400);
    });
  });

  describe('refuses', () => {
    for (const path of ENDPOINTS) {
      const refused: readonly (readonly [
        what: string,
        body: Json | Buffer | undefined,
        status: number,
        message: RegExp,
      ])[] = [
        ['no body', undefined, 400, /not JSON/],
        ['text that is not JSON', '{"subject"', 400, /not JSON/],
        ['JSON that is no object', '[]', 400, /must be an object/],
        ['bytes that are not UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), 400, /UTF-8/],
        ['a request that lacks everything', {}, 400, /is missing/],
        ['a wrong type', { ...question('ann', 'browse', 'atlas'), context: 'x' }, 400, /`context` must be an object/],
        ['more than a mebibyte', `{"a":"${'a'.repeat(1024 * 1024)}"}`, 413, /larger/],
      ];
      for (const [what, body, status, message] of refused) {
        it(`${what} at ${path} with ${status} in words`, async () => {
          const answer = await bench.ask(path, body);
          assert.equal(answer.status, status, answer.text);
          assert.equal(answer.headers['content-type'], 'text/plain; charset=utf-8');
          assert.match(answer.text, message);
        });
      }

      it(`whoever has no key at ${path}, before the body is read`, async () => {
        const keys = [
          {},
          { authorization: 'Bearer' },
          { authorization: 'Bearer ' },
          { authorization: 'Bearer cordon_authzen_wrong' },
          { authorization: `Basic ${bench.key}` },
          { authorization: bench.key },
          { authorization: `Bearer ${bench.key} `.concat('x') },
          { authorization: `Bearer ${bench.key.slice(0, -1)}` },
          { cookie: `authorization=${bench.key}` },
        ];
        for (const headers of keys) {
          const answer = await bench.ask(path, question('ann', 'browse', 'atlas'), { key: undefined, headers });
          assert.equal(answer.status, 401, JSON.stringify(headers));
          assert.equal(answer.headers['www-authenticate'], 'Bearer');
          assert.ok(!answer.text.includes('decision'));
        }
      });

      it(`another method at ${path}`, async () => {
        for (const method of ['GET', 'PUT', 'DELETE', 'OPTIONS']) {
          const answer = await bench.ask(path, undefined, { method });
          assert.deepEqual([answer.status, answer.headers.allow], [405, 'POST']);
        }
      });

      it(`a body of another type at ${path}`, async () => {
        for (const type of ['text/plain', 'application/x-www-form-urlencoded', '']) {
          const answer = await bench.ask(path, question('ann', 'browse', 'atlas'), {
            headers: { 'content-type': type },
          });
          assert.equal(answer.status, 415);
        }
      });

      it(`a client that may not ask about the model at ${path}, whether there is one or not`, async () => {
        const { key, id } = await bench.addClient(`other of ${path}`, ['cordon']);
        for (const place of [path, path.replace('library', 'nothing')]) {
          const answer = await bench.ask(place, question('ann', 'browse', 'atlas'), { key });
          assert.equal(answer.status, 403);
          assert.match(answer.text, /may not ask about/);
        }
        await callLocal(bench, `/api/authzen/clients/${id}`, { method: 'DELETE' });
      });
    }

    it('other paths', async () => {
      for (const path of [
        '/',
        '/access/v1',
        '/access/v1/evaluation/',
        '/access/v2/evaluation',
        '/library',
        '/a/b/access/v1/evaluation',
        '/cordon/access/v1/evaluation',
        '//access/v1/evaluation',
        '/library/access/v1/search',
      ]) {
        assert.equal((await bench.ask(path, question('ann', 'browse', 'atlas'))).status, 404, path);
      }
    });

    it('a client at once when its key is taken away, also one whose request is on its way', async () => {
      const { key, id } = await bench.addClient('short-lived', ['library']);
      assert.equal((await bench.ask(EVALUATION, question('ann', 'browse', 'atlas'), { key })).status, 200);
      const body = JSON.stringify(question('ann', 'browse', 'atlas'));
      const socket = connect(bench.port, '127.0.0.1');
      const answered = new Promise<string>((resolve) => {
        let text = '';
        socket.on('data', (chunk) => {
          text += String(chunk);
        });
        socket.on('close', () => resolve(text));
      });
      socket.write(
        `POST ${EVALUATION} HTTP/1.1\r\nHost: authz.localhost\r\nAuthorization: Bearer ${key}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body.slice(0, 10)}`,
      );
      await new Promise((resolve) => setTimeout(resolve, 50));
      const removed = await callLocal(bench, `/api/authzen/clients/${id}`, { method: 'DELETE' });
      assert.equal(removed.status, 200, removed.text);
      socket.write(body.slice(10));
      assert.match(await answered, /^HTTP\/1\.1 401 /);
      assert.equal((await bench.ask(EVALUATION, question('ann', 'browse', 'atlas'), { key })).status, 401);
    });
  });

  it('never permits what it cannot read', async () => {
    const part = fc.oneof(
      fc.jsonValue(),
      fc.record({ type: fc.jsonValue(), id: fc.jsonValue(), properties: fc.jsonValue() }, { requiredKeys: [] }),
    );
    const body = fc.record(
      { subject: part, action: part, resource: part, context: part, evaluations: part, options: part, page: part },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...ENDPOINTS),
        fc.oneof(body, fc.jsonValue(), fc.string()),
        async (path, sent) => {
          const answer = await bench.ask(path, sent as Json);
          assert.ok([200, 400].includes(answer.status), `${answer.status} ${answer.text}`);
          assert.ok(!answer.text.includes('"decision":true'), answer.text);
        },
      ),
      { numRuns: 300 },
    );
    assert.deepEqual(bench.failures, []);
  });

  it('survives nesting that nobody reads, and denies what it has to', async () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    const { text: good } = { text: JSON.stringify(question('ann', 'browse', 'atlas')) };
    const ignored = await bench.ask(EVALUATION, `${good.slice(0, -1)},"extra":${deep}}`);
    assert.ok([200, 400].includes(ignored.status), ignored.text);
    const inContext = JSON.stringify(question('ann', 'borrow', 'atlas', { context: { age: 'DEEP' } })).replace(
      '"DEEP"',
      deep,
    );
    const answer = await bench.ask(EVALUATION, inContext);
    assert.ok(!answer.text.includes('"decision":true') && answer.status < 500, answer.text.slice(0, 200));
    for (const path of ENDPOINTS.slice(2)) assert.ok((await bench.ask(path, inContext)).status < 500);
    assert.deepEqual(bench.failures, []);
  });

  describe('describes itself', () => {
    const metadata = '/.well-known/authzen-configuration';
    for (const [path, identifier] of [
      ['', ''],
      ['/library', '/library'],
    ] as const) {
      it(`at ${metadata}${path} to everybody`, async () => {
        const answer = await bench.ask(`${metadata}${path}`, undefined, { method: 'GET', key: undefined });
        assert.equal(answer.status, 200);
        assert.equal(answer.headers['content-type'], 'application/json');
        const at = `http://authz.localhost:${bench.port}${identifier}`;
        assert.deepEqual(answer.json(), {
          policy_decision_point: at,
          access_evaluation_endpoint: `${at}/access/v1/evaluation`,
          access_evaluations_endpoint: `${at}/access/v1/evaluations`,
          search_subject_endpoint: `${at}/access/v1/search/subject`,
          search_resource_endpoint: `${at}/access/v1/search/resource`,
          search_action_endpoint: `${at}/access/v1/search/action`,
        });
      });
    }

    it('and knows no other decision points', async () => {
      for (const path of ['/nothing', 'x', '/', '/library/', '/cordon', '/library/x']) {
        const answer = await bench.ask(`${metadata}${path}`, undefined, { method: 'GET' });
        assert.equal(answer.status, 404, path);
      }
      assert.equal((await bench.ask(metadata, {})).status, 405);
    });

    it('with endpoints that answer', async () => {
      const described = (await bench.ask(`${metadata}/library`, undefined, { method: 'GET' })).json<
        Record<string, string>
      >();
      for (const [name, url] of Object.entries(described)) {
        if (!name.endsWith('_endpoint')) continue;
        assert.equal((await bench.ask(new URL(url).pathname, question('ann', 'browse', 'atlas'))).status, 200, name);
      }
    });
  });

  it('tells nobody more than a correlation id when something fails inside', async () => {
    const broken = await openDecisionBench({
      wrap: (services) => ({
        ...services,
        policies: () => {
          throw new Error('the secret reason');
        },
      }),
    });
    try {
      const answer = await broken.ask('/access/v1/evaluation', {
        subject: { type: 'user', id: 'nobody' },
        action: { name: 'access' },
        resource: { type: 'app', id: 'wiki' },
      });
      assert.equal(answer.status, 200, 'somebody who is not there needs no policies');
      await broken.store.transact('system', async (tx) => {
        await tx.put('user', {
          id: 'usr_1',
          email: 'a@example.org',
          name: 'A',
          groups: [],
          status: 'active',
          createdAt: 0,
        });
      });
      const failed = await broken.ask('/access/v1/evaluation', {
        subject: { type: 'user', id: 'usr_1' },
        action: { name: 'access' },
        resource: { type: 'app', id: 'wiki' },
      });
      assert.equal(failed.status, 500);
      assert.match(
        failed.text,
        /^something failed inside Cordon; give the correlation id cor_\w+ to an administrator$/,
      );
      assert.equal(broken.failures.length, 1);
    } finally {
      await broken.close();
    }
  });
});
