/** Ada of the staff, on her laptop, with policies that let the staff in: what decisions of tests are made from. */
import type { Device, Session, User } from '#model';
import { loadPolicies } from '#policy';

export const NOW = Date.UTC(2026, 10, 24, 12);
export const user: User = { id: 'u1', email: 'a@b.c', name: 'Ada', groups: ['staff'], status: 'active', createdAt: 0 };
export const device: Device = {
  id: 'd1',
  name: 'L',
  form: 'browser',
  status: 'active',
  managed: false,
  enrolledAt: 0,
  ownerId: 'u1',
};
export const session: Session = {
  id: 's1',
  userId: 'u1',
  tokenHash: 'h',
  acr: 'urn:cordon:aal2',
  amr: ['pwd', 'otp', 'mfa'],
  authenticatedAt: NOW,
  createdAt: NOW,
  expiresAt: NOW + 3_600_000,
  deviceId: 'd1',
  address: '192.0.2.1',
  userAgent: '',
};
const loaded = loadPolicies({
  texts: { 'a.cedar': '@id("a") permit (principal in Group::"staff", action == Action::"access", resource);' },
  version: 1,
});
if (!loaded.ok) throw new Error(JSON.stringify(loaded.error));
export const policies = loaded.value;
