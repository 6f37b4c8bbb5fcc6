import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import fc from 'fast-check';
import { sshString } from './fields.ts';
import { parseSshPublicKey } from './public-key.ts';

const hasKeygen = spawnSync('ssh-keygen', ['-?']).error === undefined;
const folder = mkdtempSync(join(tmpdir(), 'cordon-ssh-'));
after(() => rmSync(folder, { recursive: true }));

function line(type: string, ...parts: (string | Buffer)[]): string {
  return `${type} ${Buffer.concat([sshString(type), ...parts.map(sshString)]).toString('base64')} ada@laptop`;
}

function rsa(bits: number, exponent = 65_537): Buffer[] {
  const { n = '', e = '' } = generateKeyPairSync('rsa', {
    modulusLength: bits,
    publicExponent: exponent,
  }).publicKey.export({
    format: 'jwk',
  });
  return [e, n].map((part) => {
    const bytes = Buffer.from(part, 'base64url');
    return (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes;
  });
}

const { x = '', y = '' } = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' });
const point = Buffer.concat([Buffer.from([4]), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
const ed25519 = line('ssh-ed25519', Buffer.alloc(32, 7));
const [exponent = Buffer.alloc(0), modulus = Buffer.alloc(0)] = rsa(3072);

describe('a public key for SSH', () => {
  for (const [type, bits] of [
    ['ed25519', '256'],
    ['ecdsa', '256'],
    ['rsa', '3072'],
  ] as const) {
    it(`is read as ssh-keygen makes it: ${type}`, {
      skip: hasKeygen ? false : 'needs ssh-keygen (openssh-client)',
    }, () => {
      const file = join(folder, type);
      execFileSync('ssh-keygen', ['-q', '-t', type, '-b', bits, '-N', '', '-C', 'a comment', '-f', file]);
      const parsed = parseSshPublicKey(readFileSync(`${file}.pub`, 'utf8'));
      const shown = execFileSync('ssh-keygen', ['-l', '-f', `${file}.pub`], { encoding: 'utf8' });
      assert.ok(parsed.ok);
      assert.equal(parsed.value.fingerprint, shown.split(' ')[1]);
    });
  }

  const good: Record<string, string> = {
    'without a comment': ed25519.replace(/ ada@laptop$/, ''),
    'with a line end': `${ed25519}\n`,
    'with a line end of Windows': `${ed25519}\r\n`,
    'with ECDSA': line('ecdsa-sha2-nistp256', 'nistp256', point),
    'with RSA': line('ssh-rsa', exponent, modulus),
  };
  for (const [name, text] of Object.entries(good)) {
    it(`is read ${name}`, () => assert.ok(parseSshPublicKey(text).ok));
  }

  const bad: Record<string, [text: string, problem: RegExp]> = {
    nothing: ['', /one line/],
    'two keys': [`${ed25519}\n${ed25519}`, /one line/],
    'options before the key': [`no-pty ${ed25519}`, /one line|type/],
    'a private key': ['-----BEGIN OPENSSH PRIVATE KEY-----\n', /one line/],
    'a key of DSA': [line('ssh-dss', 'a', 'b', 'c', 'd'), /type `ssh-dss` gets no certificate/],
    'a certificate in place of a key': [line('ssh-ed25519-cert-v01@openssh.com', 'a'), /gets no certificate/],
    'base64 that another reader reads otherwise': [ed25519.replace(/(.) ada/, '$1= ada'), /base64/],
    'another type inside': [ed25519.replace('ssh-ed25519 ', 'ssh-rsa '), /not what its type says/],
    'more than the key': [line('ssh-ed25519', Buffer.alloc(32), 'more'), /not what its type says/],
    'less than the key': [line('ssh-ed25519'), /not what its type says/],
    'a length beyond the end': [
      `ssh-ed25519 ${Buffer.from([0, 0, 0, 255]).toString('base64')}`,
      /not what its type says/,
    ],
    'an Ed25519 key of 31 bytes': [line('ssh-ed25519', Buffer.alloc(31)), /32 bytes/],
    'another curve': [line('ecdsa-sha2-nistp256', 'nistp384', point), /P-256/],
    'a compressed point': [
      line('ecdsa-sha2-nistp256', 'nistp256', Buffer.concat([Buffer.from([2]), point.subarray(1, 33)])),
      /P-256/,
    ],
    'a point off the curve': [line('ecdsa-sha2-nistp256', 'nistp256', Buffer.alloc(65, 4)), /not on P-256/],
    'a short RSA key': [line('ssh-rsa', ...rsa(2048)), /3072 to 8192 bits, not 2048/],
    'an RSA exponent of three': [line('ssh-rsa', Buffer.from([3]), modulus), /exponent 65537/],
    'an even modulus': [
      line('ssh-rsa', exponent, Buffer.concat([modulus.subarray(0, -1), Buffer.from([2])])),
      /odd modulus/,
    ],
    'a negative number': [line('ssh-rsa', exponent, modulus.subarray(1)), /one form/],
    'a padded number': [line('ssh-rsa', exponent, Buffer.concat([Buffer.from([0]), modulus])), /one form/],
    'a very long line': [`${ed25519}${'a'.repeat(5000)}`, /too long/],
  };
  for (const [name, [text, problem]] of Object.entries(bad)) {
    it(`is refused: ${name}`, () => {
      const parsed = parseSshPublicKey(text);
      assert.ok(!parsed.ok);
      assert.match(parsed.error, problem);
    });
  }

  it('is refused or read, whatever the text', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.base64String().map((text) => `ssh-ed25519 ${text}`),
        ),
        (text) => {
          const parsed = parseSshPublicKey(text);
          assert.ok(!parsed.ok || parsed.value.blob.length > 32);
        },
      ),
    );
  });
});
