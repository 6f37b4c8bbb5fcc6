import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createSecureContext, type SecureContext } from 'node:tls';
import { systemClock } from '#base';
import { createAuthority } from '#devices';
import { openStore } from '#store';
import { type CertificateMaterial, contextOf, contextsOf, materialOf } from './certificate-material.ts';

const store = await openStore({ path: ':memory:', clock: systemClock });
const authority = await createAuthority({ store, clock: systemClock });
const own = contextOf(await authority.issueServer(['own.localhost']), authority.certificate);
const shown = contextOf(await authority.issueServer(['shown.localhost']), authority.certificate);
const proof = contextOf(await authority.issueServer(['proof.localhost']));

/** Shows agents and the nameless its own, one host a proof, and everybody else the files. */
function contextFor(serverName: string | undefined): SecureContext {
  if (serverName === undefined || serverName === 'agent.localhost') return own;
  return serverName === 'new.localhost' ? proof : shown;
}

describe('what the TLS listener shows', () => {
  const material = materialOf(['agent.localhost', 'wiki.localhost', 'new.localhost'], contextFor);

  it('is told to another process with each certificate once', () => {
    assert.equal(material.pems.length, 3);
    const { hosts, other, nameless } = material;
    assert.equal(hosts['agent.localhost'], nameless);
    assert.equal(hosts['wiki.localhost'], other);
    assert.ok(![other, nameless].includes(hosts['new.localhost'] ?? -1));
  });

  it('is shown there to the same names', () => {
    const told = JSON.parse(JSON.stringify(material)) as CertificateMaterial;
    const there = contextsOf(told, authority.certificate);
    const names = [undefined, '', 'agent.localhost', 'wiki.localhost', 'new.localhost', 'strange.example', '__proto__'];
    const again = materialOf([], there);
    assert.deepEqual(
      [again.pems[again.other], again.pems[again.nameless]],
      [material.pems[material.other], material.pems[material.nameless]],
    );
    for (const name of names) {
      const [here] = materialOf([], () => contextFor(name)).pems;
      const [elsewhere] = materialOf([], () => there(name)).pems;
      assert.deepEqual(elsewhere, here, String(name));
    }
  });

  it('cannot be told of a context whose origin nobody knows', () => {
    assert.throws(() => materialOf([], () => createSecureContext()), /was not made here/);
  });
});
