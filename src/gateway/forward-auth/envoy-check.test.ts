import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isText, readCheck, writeDenial, writePermit } from './envoy-check.ts';
import { delimited, integer, readMessage } from './protobuf.ts';
import { checkOf, type CheckParts } from './testdata/check.ts';

const ADA: CheckParts = {
  source: '203.0.113.9',
  method: 'POST',
  path: '/page?x=1',
  host: 'wiki.example.org',
  scheme: 'https',
  headers: { ':path': '/page?x=1', cookie: 'a=1', 'x-forwarded-for': '198.51.100.1,203.0.113.9', empty: '' },
};

describe('readCheck', () => {
  it('reads who asks for what', () => {
    assert.deepEqual(readCheck(checkOf(ADA)), {
      ok: true,
      value: {
        original: { method: 'POST', scheme: 'https', authority: 'wiki.example.org', target: '/page?x=1' },
        source: '203.0.113.9',
        forwardedFor: '198.51.100.1,203.0.113.9',
        rawHeaders: ['cookie', 'a=1', 'x-forwarded-for', '198.51.100.1,203.0.113.9', 'empty', ''],
      },
    });
  });

  it('reads fields as they were sent, with each of two, where Envoy encodes them raw', () => {
    const { headers: _, ...rest } = ADA;
    const raw: [string, string][] = [
      [':method', 'POST'],
      ['x-role', 'user'],
      ['x-role', 'admin'],
      ['name', 'Zoë'],
    ];
    const read = readCheck(checkOf({ ...rest, raw }));
    assert.ok(read.ok, JSON.stringify(read));
    const name = Buffer.from('Zoë').toString('latin1');
    assert.deepEqual(read.value.rawHeaders, ['x-role', 'user', 'x-role', 'admin', 'name', name]);
    assert.equal(read.value.forwardedFor, '');
  });

  it('passes over what is new to it', () => {
    const message = Buffer.concat([checkOf(ADA), delimited(99, 'news'), integer(98, 7)]);
    assert.ok(readCheck(message).ok);
  });

  for (const part of ['source', 'method', 'path', 'host', 'scheme'] as const) {
    it(`refuses a check without a ${part}`, () => {
      const { [part]: _, ...rest } = ADA;
      assert.ok(!readCheck(checkOf(rest)).ok);
    });
  }

  it('refuses two of what there can be one of, since readers differ about which counts', () => {
    assert.ok(!readCheck(Buffer.concat([checkOf(ADA), checkOf(ADA)])).ok);
    assert.ok(!readCheck(checkOf({ ...ADA, more: delimited(4, '/public') })).ok);
    assert.ok(!readCheck(checkOf({ ...ADA, more: delimited(5, 'other.example.org') })).ok);
  });

  it('refuses a scheme that is none', () => assert.ok(!readCheck(checkOf({ ...ADA, scheme: 'ftp' })).ok));

  it('refuses what is no message, without throwing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (octets) => {
        assert.ok(!readCheck(Buffer.from(octets)).ok);
      }),
    );
  });

  it('never throws over a check with octets changed', () => {
    const whole = checkOf(ADA);
    fc.assert(
      fc.property(fc.nat({ max: whole.length - 1 }), fc.nat({ max: 255 }), (at, octet) => {
        const changed = Buffer.from(whole);
        changed[at] = octet;
        readCheck(changed);
      }),
    );
  });
});

/** Content of the one field of a number. */
function inside(message: Buffer, number: number): Buffer {
  const [found, ...more] = all(message, number);
  assert.ok(found !== undefined && more.length === 0, `field ${number}`);
  return found;
}

function all(message: Buffer, number: number): Buffer[] {
  const read = readMessage(message);
  assert.ok(read.ok);
  return read.value.flatMap((field) => (field.number === number && field.octets !== undefined ? [field.octets] : []));
}

function headersIn(response: Buffer): [string, string][] {
  return all(response, 2).map((option) => {
    const header = inside(option, 1);
    return [inside(header, 1).toString(), inside(header, 2).toString()];
  });
}

describe('what Envoy is answered', () => {
  it('is OK, with the fields to set and the names to take away', () => {
    const message = writePermit(
      ['remote-user', 'ada', 'remote-name', Buffer.from('Zoë').toString('latin1')],
      ['x-old'],
    );
    assert.deepEqual(inside(message, 1), integer(1, 0));
    const response = inside(message, 3);
    assert.deepEqual(headersIn(response), [
      ['remote-user', 'ada'],
      ['remote-name', 'Zoë'],
    ]);
    assert.deepEqual(all(response, 5).map(String), ['x-old']);
    assert.deepEqual(all(message, 2), [], 'no denial');
  });

  it('overwrites what the client has sent', () => {
    const [option] = all(inside(writePermit(['remote-user', 'ada'], []), 3), 2);
    assert.ok(option !== undefined && option.includes(integer(3, 2)), 'OVERWRITE_IF_EXISTS_OR_ADD');
  });

  it('is a denial with status, fields and body', () => {
    const message = writeDenial(401, ['content-type', 'text/html', 'content-length', '5', 'x', '\xff'], 'hello');
    assert.deepEqual(inside(message, 1), integer(1, 7));
    const response = inside(message, 2);
    assert.deepEqual(inside(response, 1), integer(1, 401));
    assert.deepEqual(headersIn(response), [['content-type', 'text/html']]);
    assert.equal(inside(response, 3).toString(), 'hello');
    assert.deepEqual(all(message, 3), [], 'no permit');
  });

  it('is text that protocol buffers take', () => {
    assert.ok(isText('plain'));
    assert.ok(isText(Buffer.from('Zoë 李').toString('latin1')));
    assert.ok(!isText('\xff'));
  });
});
