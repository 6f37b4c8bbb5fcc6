// Signs sessions in and out and changes the policy without end, printing what was acknowledged, until someone kills it.
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { newId, systemClock } from '#base';
import type { Session } from '#model';
import { openStore } from '#store';

const store = await openStore({ path: join(process.argv[2] ?? '', 'cordon.db'), clock: systemClock });
const active = await store.read(async (tx) => await tx.get('policyActivation', 'active'));
writeSync(1, 'ready\n');

for (let version = (active?.version ?? 0) + 1; ; version++) {
  const now = systemClock.now();
  const id = newId('ses', now);
  const session: Session = {
    id,
    userId: 'usr_1',
    tokenHash: id,
    acr: 'urn:cordon:aal2',
    amr: ['pwd', 'otp', 'mfa'],
    authenticatedAt: now,
    createdAt: now,
    expiresAt: now + 3_600_000,
    address: '192.0.2.1',
    userAgent: 'crash',
  };
  await store.transact('system', async (tx) => await tx.put('session', session));
  writeSync(1, `put ${id}\n`);
  if (version % 2 === 0) {
    await store.transact('system', async (tx) => await tx.delete('session', id));
    writeSync(1, `delete ${id}\n`);
  }
  const bundleId = `policy-${version}`;
  const about = { texts: { 'a.cedar': '' }, author: 'usr_1', message: '', createdAt: now };
  await store.transact('system', async (tx) => {
    await tx.put('policyBundle', { id: bundleId, version, ...about });
    await tx.put('policyActivation', { id: 'active', bundleId, version, by: 'usr_1', at: now });
  });
  writeSync(1, `policy ${version}\n`);
}
