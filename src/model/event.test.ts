import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { buildEvent, EVENT_CLASSES, OCSF_VERSION } from '#model';

const SCHEMA = join(import.meta.dirname, '../../../shared/data/ocsf/schema');
const missing = existsSync(SCHEMA) ? false : 'needs the test data in ../shared/data/ocsf';

describe('an event', () => {
  it('follows from its class and activity', () => {
    const event = buildEvent({ class: 'authentication', activity: 'logoff', time: 7, message: 'bye' });
    assert.deepEqual(
      [event.category_uid, event.class_uid, event.activity_id, event.type_uid, event.severity_id, event.time],
      [3, 3002, 2, 300_202, 1, 7],
    );
    assert.deepEqual(
      Object.keys(event).filter((key) => event[key] === undefined),
      [],
      'what is not said is absent, so that the event is plain JSON',
    );
  });

  it('has an id of its own', () => {
    const ids = Array.from({ length: 1000 }, () => {
      const { metadata } = buildEvent({ class: 'authentication', activity: 'logon', time: 7, message: '' });
      return metadata.uid;
    });
    assert.equal(new Set(ids).size, 1000);
  });

  it('says an action under the security control profile, and a refusal with its reason', () => {
    const event = buildEvent({
      class: 'httpActivity',
      activity: 'cut',
      time: 7,
      message: 'cut',
      action: 'denied',
      status: 'failure',
      statusCode: 'session-revoked',
      severity: 'high',
      correlationId: 'c1',
      attributes: { src_endpoint: { ip: '192.0.2.1' } },
      cordon: { app: 'wiki' },
    });
    assert.deepEqual(
      [event.action_id, event.status_id, event.status_code, event.severity_id],
      [2, 2, 'session-revoked', 4],
    );
    assert.deepEqual([event.metadata.profiles, event.metadata.correlation_uid], [['security_control'], 'c1']);
    assert.deepEqual([event.src_endpoint, event.unmapped], [{ ip: '192.0.2.1' }, { cordon: { app: 'wiki' } }]);
  });
});

interface SchemaClass {
  readonly name?: string;
  readonly uid?: number;
  readonly category?: string;
  readonly extends?: string;
  readonly attributes?: {
    readonly activity_id?: { readonly enum?: Readonly<Record<string, { readonly caption: string }>> };
  };
}

function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(join(SCHEMA, path), 'utf8')) as T;
}

/** Class id -> activity id -> caption, as the schema says after inheritance. */
function schemaClasses(): Map<number, Map<number, string>> {
  const { attributes: categories } = readJson<{ attributes: Record<string, { uid: number }> }>('categories.json');
  const files = globSync('events/**/*.json', { cwd: SCHEMA }).map((path) => readJson<SchemaClass>(path));
  const byName = new Map(files.map((file) => [file.name, file]));
  const lineOf = (one: SchemaClass | undefined): SchemaClass[] =>
    one === undefined ? [] : [...(one.extends === undefined ? [] : lineOf(byName.get(one.extends))), one];
  const classes = new Map<number, Map<number, string>>();
  for (const file of files) {
    if (file.uid === undefined) continue;
    const line = lineOf(file);
    const category = line.findLast((one) => one.category !== undefined)?.category ?? '';
    const activities = line.flatMap((one) => Object.entries(one.attributes?.activity_id?.enum ?? {}));
    const uid = (categories[category]?.uid ?? 0) * 1000 + file.uid;
    classes.set(uid, new Map(activities.map(([id, { caption }]) => [Number(id), caption])));
  }
  return classes;
}

describe('the event classes, compared with the OCSF schema', { skip: missing }, () => {
  it('are those of the release that events name', () => {
    assert.equal(readJson<{ version: string }>('version.json').version, OCSF_VERSION);
  });

  for (const [name, { uid, activities }] of Object.entries(EVENT_CLASSES)) {
    it(`${name} is class ${uid}, with its activities`, () => {
      const known = schemaClasses().get(uid);
      assert.ok(known, `OCSF ${OCSF_VERSION} has no class ${uid}`);
      for (const [activity, id] of Object.entries(activities)) {
        if (id === 99) assert.equal(known.get(id), 'Other');
        else assert.equal(known.get(id)?.replaceAll(' ', '').toLowerCase(), activity.toLowerCase());
      }
    });
  }
});
