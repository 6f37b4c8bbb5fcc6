import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { type Configuration, loadConfiguration } from '#config';

const FILES: Readonly<Record<string, string>> = {
  'policies/own.cedar': 'permit (principal in Group::"admins", action == Action::"access", resource);',
  'shop/shop.cedarschema':
    'namespace Shop { entity Buyer { name?: String }; entity Item; action buy appliesTo { principal: [Buyer], resource: [Item], context: { price?: Long } }; }',
  'shop/rules/all.cedar': '@id("all") permit (principal, action, resource);',
  'shop/entities.json': '[{ "uid": { "type": "Shop::Item", "id": "tea" }, "attrs": {}, "parents": [] }]',
  'cordon.yaml': `authzen:
  models:
    shop:
      schema: shop/shop.cedarschema
      policies: shop/rules
      entities: shop/entities.json
      namespace: Shop
      types:
        buyer: { entity: Buyer, properties: { called: name } }
        item: { entity: Shop::Item }
      actions:
        buy: { action: buy, properties: { cost: price }, context: { when: now } }
`,
};

function write(t: TestContext, change: Readonly<Record<string, string | undefined>> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-models-'));
  t.after(() => {
    rmSync(folder, { recursive: true });
  });
  for (const [name, text] of Object.entries({ ...FILES, ...change })) {
    if (text === undefined) continue;
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return join(folder, 'cordon.yaml');
}

function loaded(file: string): Configuration {
  const configuration = loadConfiguration(file);
  assert.ok(configuration.ok, JSON.stringify(configuration));
  return configuration.value;
}

/** Each problem as `file:line:column code: message`, without the folder. */
function problems(file: string): string[] {
  const configuration = loadConfiguration(file);
  assert.ok(!configuration.ok, 'the document must be refused');
  return configuration.error.map(({ code, message, source }) => {
    const place = [source?.file, source?.line, source?.column].filter((part) => part !== undefined).join(':');
    return `${place} ${code}: ${message}`.replaceAll(`${dirname(file)}/`, '');
  });
}

const YAML = FILES['cordon.yaml'] ?? '';

describe('the models of a document', () => {
  it('are read with what their words mean in Cedar', (t) => {
    const file = write(t);
    const [model, more] = loaded(file).authzen;
    assert.equal(more, undefined);
    assert.ok(model);
    const { id, types, actions, files, policyDirectory } = model;
    assert.deepEqual(
      { id, types, actions, files, policyDirectory },
      {
        id: 'shop',
        types: new Map([
          ['buyer', { entity: 'Shop::Buyer', properties: new Map([['called', 'name']]) }],
          ['item', { entity: 'Shop::Item', properties: new Map() }],
        ]),
        actions: new Map([
          [
            'buy',
            {
              action: { type: 'Shop::Action', id: 'buy' },
              properties: new Map([['cost', 'price']]),
              context: new Map([['when', 'now']]),
            },
          ],
        ]),
        files: ['shop/shop.cedarschema', 'shop/entities.json'].map((name) => join(dirname(file), name)),
        policyDirectory: join(dirname(file), 'shop/rules'),
      },
    );
    assert.deepEqual(model.model.idsOf('Shop::Item'), ['tea']);
  });

  it('are none when the document has none, and know no entities when it names no file', (t) => {
    assert.deepEqual(loaded(write(t, { 'cordon.yaml': 'groups: {}' })).authzen, []);
    const [model] = loaded(write(t, { 'cordon.yaml': YAML.replace(/ *entities: .*\n/, '') })).authzen;
    assert.deepEqual(model?.model.idsOf('Shop::Item'), []);
    assert.equal(model?.files.length, 1);
  });

  const refused: readonly (readonly [what: string, change: Record<string, string | undefined>, expected: string[]])[] =
    [
      [
        'an entity type that the schema lacks',
        { 'cordon.yaml': YAML.replace('Shop::Item', 'Ghost') },
        ['cordon.yaml:10:17 configuration-invalid: type `item`: the schema has no entity type `Shop::Ghost`'],
      ],
      [
        'an action that the schema lacks',
        { 'cordon.yaml': YAML.replace('action: buy', 'action: sell') },
        ['cordon.yaml:12:16 configuration-invalid: action `buy`: the schema has no action `Shop::Action::"sell"`'],
      ],
      [
        'two things that would become one attribute',
        { 'cordon.yaml': YAML.replace('when: now', 'when: price') },
        ['cordon.yaml:12:58 configuration-invalid: action `buy`: both a property and the context would become `price`'],
      ],
      [
        'the id of Cordon’s own model',
        { 'cordon.yaml': YAML.replace('    shop:', '    cordon:') },
        ['cordon.yaml:3:5 configuration-invalid: `cordon` is the model of Cordon’s own apps'],
      ],
      [
        'a key that is not known',
        { 'cordon.yaml': YAML.replace('namespace:', 'namespce:') },
        ['cordon.yaml:7:7 configuration-unknown-key: `authzen.models.shop`: unknown key `namespce`'],
      ],
      [
        'a schema that is not there',
        { 'shop/shop.cedarschema': undefined },
        ['shop/shop.cedarschema model-unreadable: cannot read `shop/shop.cedarschema`: no such file or directory'],
      ],
      [
        'policies that are not there',
        { 'shop/rules/all.cedar': undefined },
        ['shop/rules policies-unreadable: cannot read `shop/rules`: no such file or directory'],
      ],
      [
        'a policy that does not validate',
        { 'shop/rules/all.cedar': 'permit (principal, action, resource)\nwhen { context.nothing };' },
        ['shop/rules/all.cedar:2:8 policy-invalid'],
      ],
      [
        'entities that do not fit the schema',
        { 'shop/entities.json': '[{ "uid": { "type": "Shop::Ghost", "id": "x" }, "attrs": {}, "parents": [] }]' },
        ['shop/entities.json entities-invalid'],
      ],
    ];
  for (const [what, change, expected] of refused) {
    it(`are refused with ${what}, and say where`, (t) => {
      const found = problems(write(t, change));
      assert.equal(found.length, expected.length, found.join('\n'));
      for (const [at, text] of expected.entries())
        assert.ok(found[at]?.startsWith(text), `${found[at]} is not ${text}`);
    });
  }

  it('do not let an app have the host where they are asked', (t) => {
    const yaml = 'apps: { x: { builtin: verify, host: authz.localhost } }';
    assert.match(
      problems(write(t, { 'cordon.yaml': yaml })).join(),
      /host `authz\.localhost` of app `x` is taken by Cordon's own `authz` host/,
    );
  });
});
