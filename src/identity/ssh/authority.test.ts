import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { manualClock } from '#base';
import { openStore } from '#store';
import { sshAuthority, sshAuthorityKey, type SshCertificateOrder } from './authority.ts';
import { readStrings, sshString } from './fields.ts';

const hasKeygen = spawnSync('ssh-keygen', ['-?']).error === undefined;
const skip = hasKeygen ? false : 'needs ssh-keygen (openssh-client)';
const NOW = Date.UTC(2026, 10, 24, 12);
const clock = manualClock(NOW);
const folder = mkdtempSync(join(tmpdir(), 'cordon-ssh-'));
after(() => rmSync(folder, { recursive: true }));

const PERSON = `ssh-ed25519 ${Buffer.concat([sshString('ssh-ed25519'), sshString(Buffer.alloc(32, 7))]).toString('base64')}`;
const ORDER: SshCertificateOrder = {
  publicKey: PERSON,
  keyId: 'ada@example.org ses_1 cor_1',
  principals: ['ada', 'ops'],
  lifetimeSeconds: 300,
  extensions: ['permit-pty'],
  sourceAddresses: [],
};
const jwk = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });

function certify(order: Partial<SshCertificateOrder> = {}): string {
  const made = sshAuthority(jwk, clock).certify({ ...ORDER, ...order });
  assert.ok(made.ok);
  return made.value.text;
}

/** What `ssh-keygen -L` says of a certificate, without the indentation. */
function shown(text: string): string[] {
  const file = join(folder, 'shown-cert.pub');
  writeFileSync(file, `${text}\n`);
  const out = execFileSync('ssh-keygen', ['-L', '-f', file], { encoding: 'utf8', env: { ...process.env, TZ: 'UTC' } });
  return out
    .split('\n')
    .slice(1)
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

describe('an SSH certificate', () => {
  for (const type of ['ed25519', 'ecdsa', 'rsa']) {
    it(`says to ssh-keygen what it was to say, for a key of ${type}`, { skip }, () => {
      const file = join(folder, type);
      execFileSync('ssh-keygen', ['-q', '-t', type, ...(type === 'rsa' ? ['-b', '3072'] : []), '-N', '', '-f', file]);
      const lines = shown(certify({ publicKey: readFileSync(`${file}.pub`, 'utf8') }));
      const authority = sshAuthority(jwk, clock).publicKey;
      writeFileSync(join(folder, 'ca.pub'), `${authority}\n`);
      const fingerprint = execFileSync('ssh-keygen', ['-l', '-f', join(folder, 'ca.pub')], { encoding: 'utf8' }).split(
        ' ',
      )[1];
      assert.match(lines[0] ?? '', /^Type: .*-cert-v01@openssh\.com user certificate$/);
      assert.equal(lines[2], `Signing CA: ED25519 ${fingerprint} (using ssh-ed25519)`);
      assert.equal(lines[3], 'Key ID: "ada@example.org ses_1 cor_1"');
      assert.deepEqual(lines.slice(5), [
        'Valid: from 2026-11-24T11:59:00 to 2026-11-24T12:05:00',
        'Principals:',
        'ada',
        'ops',
        'Critical Options: (none)',
        'Extensions:',
        'permit-pty',
      ]);
    });
  }

  it('holds no extension and any source address that it was told', { skip }, () => {
    const lines = shown(certify({ extensions: [], sourceAddresses: ['10.0.0.5/32', 'fd00::/8'] }));
    assert.deepEqual(lines.slice(-3), [
      'Critical Options:',
      'source-address 10.0.0.5/32,fd00::/8',
      'Extensions: (none)',
    ]);
  });

  it('lists its extensions in order, as servers demand', { skip }, () => {
    const lines = shown(certify({ extensions: ['permit-pty', 'permit-agent-forwarding'] }));
    assert.deepEqual(lines.slice(-2), ['permit-agent-forwarding', 'permit-pty']);
  });

  it('is signed over everything before the signature', () => {
    const blob = Buffer.from(certify().split(' ')[1] ?? '', 'base64');
    const { publicKey } = sshAuthority(jwk, clock);
    const key = readStrings(Buffer.from(publicKey.split(' ')[1] ?? '', 'base64'), 2)?.[1] ?? Buffer.alloc(0);
    const signature = readStrings(blob.subarray(-83), 2)?.[1] ?? Buffer.alloc(0);
    const signed = blob.subarray(0, blob.length - 87);
    const verifier = createPublicKey({
      key: { kty: 'OKP', crv: 'Ed25519', x: key.toString('base64url') },
      format: 'jwk',
    });
    assert.ok(verify(null, signed, verifier, signature));
    assert.ok(!verify(null, signed.subarray(1), verifier, signature));
  });

  it('has a serial number and a nonce of its own', () => {
    assert.notEqual(certify(), certify());
  });

  it('is not made for something that is no key', () => {
    const made = sshAuthority(jwk, clock).certify({ ...ORDER, publicKey: 'ssh-ed25519 AAAA' });
    assert.deepEqual(made, { ok: false, error: 'the key is not what its type says' });
  });
});

describe('the SSH authority', () => {
  it('keeps its key over restarts, and shows nobody', async () => {
    const store = await openStore({ path: join(folder, 'store.sqlite'), clock });
    const [one, two] = [await sshAuthorityKey(store), await sshAuthorityKey(store)].map((key) =>
      sshAuthority(key, clock),
    );
    assert.equal(one?.publicKey, two?.publicKey);
    assert.match(one?.publicKey ?? '', /^ssh-ed25519 [A-Za-z0-9+/]+ cordon$/);
    assert.deepEqual((await store.snapshot()).entities, []);
    await store.close();
  });
});
