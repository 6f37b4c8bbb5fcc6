import { startAuthentication, startRegistration } from '@simplewebauthn/browser';
import { identity } from '../client.ts';

type Registration = Parameters<typeof startRegistration>[0]['optionsJSON'];
type Authentication = Parameters<typeof startAuthentication>[0]['optionsJSON'];

/** Makes a passkey on this device or key for the account that is signed in. */
export async function addPasskey(): Promise<void> {
  const { flow, options } = await identity('addPasskeyOptions', { body: {} });
  const response = await startRegistration({ optionsJSON: options as unknown as Registration });
  await identity('addPasskey', { body: { flow, response: { ...response } } });
}

/** Proves with a passkey that it is still the person who signed in. */
export async function confirmWithPasskey(): Promise<void> {
  const { flow, options } = await identity('stepUpPasskeyOptions', { body: {} });
  const response = await startAuthentication({ optionsJSON: options as unknown as Authentication });
  await identity('stepUpPasskey', { body: { flow, response: { ...response } } });
}
