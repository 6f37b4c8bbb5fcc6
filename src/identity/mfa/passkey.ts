import {
  type AuthenticationResponseJSON,
  type AuthenticatorTransport,
  generateAuthenticationOptions,
  generateRegistrationOptions,
  type PublicKeyCredentialCreationOptionsJSON,
  type PublicKeyCredentialRequestOptionsJSON,
  type RegistrationResponseJSON,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server';
import { err, isJsonObject, ok, type Result } from '#base';
import type { Acr } from '#model';
import type { Passkey } from '../credential.ts';

/** Who asks for passkeys: `id` is the host they are bound to, `origins` are where the ceremony may run. */
export interface RelyingParty {
  readonly id: string;
  readonly name: string;
  readonly origins: readonly string[];
}

// ES256, EdDSA, RS256. Named, because the library offers whatever the runtime experiments with.
const ALGORITHMS = [-7, -8, -257];

/** Options for `navigator.credentials.create()`. The key must be discoverable and the person verified. */
export async function passkeyCreationOptions(
  relyingParty: RelyingParty,
  user: { readonly id: string; readonly email: string; readonly name: string },
  exclude: readonly Passkey[],
): Promise<PublicKeyCredentialCreationOptionsJSON> {
  return await generateRegistrationOptions({
    rpName: relyingParty.name,
    rpID: relyingParty.id,
    userID: new TextEncoder().encode(user.id),
    userName: user.email,
    userDisplayName: user.name,
    attestationType: 'none',
    supportedAlgorithmIDs: ALGORITHMS,
    excludeCredentials: exclude.map(descriptor),
    authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
  });
}

/** Options for `navigator.credentials.get()`; without `allow` the person chooses among their discoverable keys. */
export async function passkeyRequestOptions(
  relyingParty: RelyingParty,
  allow?: readonly Passkey[],
): Promise<PublicKeyCredentialRequestOptionsJSON> {
  return await generateAuthenticationOptions({
    rpID: relyingParty.id,
    userVerification: 'required',
    ...(allow === undefined ? {} : { allowCredentials: allow.map(descriptor) }),
  });
}

/** Verifies a registration (WebAuthn Level 3 §7.1). An `err` says what was wrong, for the journal, never for the person. */
export async function verifyPasskeyRegistration(input: {
  relyingParty: RelyingParty;
  response: unknown;
  challenge: string;
  now: number;
}): Promise<Result<Passkey, string>> {
  if (!isPublicKeyCredential(input.response)) return err('the response is not a public key credential');
  try {
    const { verified, registrationInfo } = await verifyRegistrationResponse({
      // The cast hands untyped JSON to the library that checks it field by field.
      response: input.response as unknown as RegistrationResponseJSON,
      supportedAlgorithmIDs: ALGORITHMS,
      ...expectations(input.relyingParty, input.challenge),
    });
    if (!verified) return err('the attestation does not verify');
    const { credential } = registrationInfo;
    return ok({
      id: credential.id,
      publicKey: Buffer.from(credential.publicKey).toString('base64url'),
      counter: credential.counter,
      transports: [...(credential.transports ?? [])].slice(0, 8),
      deviceType: registrationInfo.credentialDeviceType,
      backedUp: registrationInfo.credentialBackedUp,
      aaguid: registrationInfo.aaguid,
      createdAt: input.now,
    });
  } catch (cause) {
    return err(reasonOf(cause));
  }
}

/** Verifies an assertion by a known passkey (WebAuthn Level 3 §7.2) and returns the passkey as it is to be stored now. */
export async function verifyPasskeyAssertion(input: {
  relyingParty: RelyingParty;
  response: unknown;
  challenge: string;
  passkey: Passkey;
}): Promise<Result<Passkey, string>> {
  const { passkey } = input;
  if (!isPublicKeyCredential(input.response)) return err('the response is not a public key credential');
  if (input.response['id'] !== passkey.id) return err('the response is by another passkey');
  try {
    const { verified, authenticationInfo } = await verifyAuthenticationResponse({
      // The cast hands untyped JSON to the library that checks it field by field.
      response: input.response as unknown as AuthenticationResponseJSON,
      ...expectations(input.relyingParty, input.challenge),
      credential: {
        id: passkey.id,
        publicKey: new Uint8Array(Buffer.from(passkey.publicKey, 'base64url')),
        // A key that is copied between devices has no common counter: a lower one is normal there, not a clone.
        counter: passkey.backedUp ? 0 : passkey.counter,
      },
    });
    if (!verified) return err('the signature does not verify');
    // Backup eligibility is fixed at creation (WebAuthn Level 3 §6.1.3); a change means another authenticator answered.
    if (authenticationInfo.credentialDeviceType !== passkey.deviceType)
      return err('the backup eligibility has changed');
    return ok({ ...passkey, counter: authenticationInfo.newCounter, backedUp: authenticationInfo.credentialBackedUp });
  } catch (cause) {
    return err(reasonOf(cause));
  }
}

/** How strong a sign-in by this passkey is: a key that cannot leave its authenticator is device-bound. */
export function passkeyAcr(passkey: Passkey): Acr {
  return passkey.deviceType === 'singleDevice' ? 'urn:cordon:aal3' : 'urn:cordon:aal2-phr';
}

/** RFC 8176 methods of a sign-in by this passkey. */
export function passkeyAmr(passkey: Passkey): string[] {
  return [passkey.deviceType === 'singleDevice' ? 'hwk' : 'swk', 'user', 'mfa'];
}

/** The id of the passkey that made a response, and the user handle it carries; undefined when there is none. */
export function assertedBy(
  response: unknown,
): { readonly passkeyId: string; readonly userHandle?: string } | undefined {
  if (!isPublicKeyCredential(response)) return undefined;
  const inner = response['response'];
  const handle = isJsonObject(inner) ? inner['userHandle'] : undefined;
  if (typeof handle !== 'string') return { passkeyId: response.id };
  return { passkeyId: response.id, userHandle: Buffer.from(handle, 'base64url').toString() };
}

function expectations(relyingParty: RelyingParty, challenge: string) {
  return {
    expectedChallenge: challenge,
    expectedOrigin: [...relyingParty.origins],
    expectedRPID: relyingParty.id,
    requireUserVerification: true,
  };
}

function descriptor(passkey: Passkey): { id: string; transports: AuthenticatorTransport[] } {
  // The cast restores what the browser told at registration; unknown transports are ignored by browsers.
  return { id: passkey.id, transports: [...passkey.transports] as AuthenticatorTransport[] };
}

function isPublicKeyCredential(
  response: unknown,
): response is { readonly id: string; readonly [key: string]: unknown } {
  if (!isJsonObject(response) || !isJsonObject(response['response'])) return false;
  const { id } = response;
  return typeof id === 'string' && id.length > 0 && id.length <= 1400;
}

function reasonOf(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).slice(0, 300);
}
