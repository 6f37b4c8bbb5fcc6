import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { WIRE_LIMITS } from '#wire';
import { CERTIFICATE_LIFETIME } from './authority.ts';
import { RENEWAL_GRACE_MS } from './devices.ts';
import { TOKEN_LIFETIME_MS } from './enrolment.ts';
import { REPORT_EVERY_SECONDS } from './instructions.ts';
import { FLOW_EVENTS } from './refused-flows.ts';
import { FRESH_MS } from './signed-posture.ts';

const page = (name: string): string =>
  readFileSync(new URL(`../../docs/reference/${name}`, import.meta.url), 'utf8').replaceAll('\n', ' ');

const HOUR = 3_600_000;

describe('the reference of devices', () => {
  const devices = page('devices.md');

  it('lists every limit of the wire as the code has it', () => {
    const rows = [...devices.matchAll(/\| `(\w+)` \| (\d+) \|/g)].map(([, name, value]) => [name, Number(value)]);
    assert.deepEqual(Object.fromEntries(rows), WIRE_LIMITS);
  });

  const sentences: readonly string[] = [
    `client authentication only | ${CERTIFICATE_LIFETIME.deviceMs / HOUR} hours`,
    `server authentication only | ${CERTIFICATE_LIFETIME.serverMs / HOUR / 24} days`,
    `renews for another ${RENEWAL_GRACE_MS / HOUR / 24} days`,
    `report every ${REPORT_EVERY_SECONDS} seconds`,
    `at most ${FLOW_EVENTS} events per report`,
  ];
  for (const sentence of sentences) {
    it(`says “${sentence}”`, () => assert.ok(devices.includes(sentence)));
  }

  it('says an hour and two minutes where the code means it', () => {
    assert.ok(devices.includes('good once and for an hour') && TOKEN_LIFETIME_MS === HOUR);
    assert.ok(page('posture.md').includes('within two minutes of the server') && FRESH_MS === 120_000);
  });
});
