import { z } from 'zod';

const token = z.string().min(1).max(512);
const code = z.string().trim().min(6).max(64);
/** WebAuthn JSON (PublicKeyCredential.toJSON and the option types); verified by the server's WebAuthn library, not here. */
const webauthn = z.record(z.string(), z.unknown());
const signedIn = z.object({ next: z.literal('done') });
/** How far an enrolment has come. */
const enrolmentState = z.object({
  email: z.string(),
  name: z.string(),
  isFirstAdministrator: z.boolean(),
  hasPassword: z.boolean(),
  hasTotp: z.boolean(),
  passkeys: z.number(),
  expiresAt: z.number(),
});

/** What a program asks a person for, as its link to `/authorize-program` says it. */
const programRequest = z.object({
  /** Host of the app, without port. */
  host: z.string().min(1).max(253),
  /** `S256` of the verifier (RFC 7636). */
  challenge: z.string().length(43),
  /** Where the program listens on this computer (RFC 8252 section 7.3); absent: the person carries the code to it. */
  redirect: z.string().max(200).optional(),
  form: z.enum(['bearer', 'dpop']),
  /** Thumbprint of the key that a `dpop` token is bound to (RFC 9449 section 10). */
  jkt: z.string().length(43).optional(),
  /** What the program calls itself. */
  name: z.string().min(1).max(80),
});

/**
 * The identity host's API: enrolment, sign-in, step-up and the person's own page. Sessions travel in `__Host-` cookies only.
 * `access`: `public` needs no session; `session` needs one.
 */
export const IDENTITY_ROUTES = {
  openInvitation: {
    method: 'POST',
    path: '/api/enrolment',
    access: 'public',
    what: 'Opens a one-time link.',
    body: z.object({ token }),
    response: enrolmentState.extend({ enrolment: z.string() }),
  },
  /** `email` is only used by the first administrator's link, which was not addressed to anybody. */
  setPassword: {
    method: 'POST',
    path: '/api/enrolment/password',
    access: 'public',
    what: 'Name and password of an enrolment.',
    body: z.object({
      enrolment: token,
      name: z.string().trim().min(1).max(200),
      email: z.email().max(254).optional(),
      password: z.string().max(1024),
    }),
    response: enrolmentState,
  },
  beginTotp: {
    method: 'POST',
    path: '/api/enrolment/totp',
    access: 'public',
    what: 'A new secret for an authenticator app, with its QR code.',
    body: z.object({ enrolment: token }),
    response: z.object({ secret: z.string(), uri: z.string(), qrSvg: z.string() }),
  },
  confirmTotp: {
    method: 'POST',
    path: '/api/enrolment/totp/confirm',
    access: 'public',
    what: 'Confirms the authenticator app with a code.',
    body: z.object({ enrolment: token, code }),
    response: enrolmentState,
  },
  beginPasskey: {
    method: 'POST',
    path: '/api/enrolment/passkey',
    access: 'public',
    what: 'Options to create a passkey with.',
    body: z.object({ enrolment: token }),
    response: z.object({ options: webauthn }),
  },
  confirmPasskey: {
    method: 'POST',
    path: '/api/enrolment/passkey/confirm',
    access: 'public',
    what: 'Confirms a created passkey.',
    body: z.object({ enrolment: token, response: webauthn }),
    response: enrolmentState,
  },
  finishEnrolment: {
    method: 'POST',
    path: '/api/enrolment/finish',
    access: 'public',
    what: 'Activates the account and signs in; shows the recovery codes for the only time.',
    body: z.object({ enrolment: token }),
    response: z.object({ recoveryCodes: z.array(z.string()) }),
  },

  signInPassword: {
    method: 'POST',
    path: '/api/sign-in/password',
    access: 'public',
    what: 'First factor. Never a session.',
    body: z.object({ email: z.string().max(254), password: z.string().max(1024) }),
    response: z.object({
      next: z.literal('second-factor'),
      pending: z.string(),
      factors: z.array(z.enum(['totp', 'passkey', 'recovery'])),
    }),
  },
  signInTotp: {
    method: 'POST',
    path: '/api/sign-in/totp',
    access: 'public',
    what: 'Second factor: a code of the authenticator app.',
    body: z.object({ pending: token, code }),
    response: signedIn,
  },
  signInRecovery: {
    method: 'POST',
    path: '/api/sign-in/recovery',
    access: 'public',
    what: 'Second factor: a recovery code, which is used up.',
    body: z.object({ pending: token, code }),
    response: signedIn,
  },
  /** With `pending`: the second factor of a password sign-in. Without: a sign-in by passkey alone. */
  signInPasskeyOptions: {
    method: 'POST',
    path: '/api/sign-in/passkey/options',
    access: 'public',
    what: 'Options to sign in with a passkey, or to use one as the second factor.',
    body: z.object({ pending: token.optional() }),
    response: z.object({ flow: z.string(), options: webauthn }),
  },
  signInPasskey: {
    method: 'POST',
    path: '/api/sign-in/passkey',
    access: 'public',
    what: 'Signs in with a passkey.',
    body: z.object({ flow: token, response: webauthn }),
    response: signedIn,
  },

  stepUpPasskeyOptions: {
    method: 'POST',
    path: '/api/step-up/passkey/options',
    access: 'session',
    what: 'Options to confirm presence with a passkey.',
    body: z.object({}),
    response: z.object({ flow: z.string(), options: webauthn }),
  },
  stepUpPasskey: {
    method: 'POST',
    path: '/api/step-up/passkey',
    access: 'session',
    what: 'Confirms presence with a passkey; replaces the session.',
    body: z.object({ flow: token, response: webauthn }),
    response: signedIn,
  },
  stepUpTotp: {
    method: 'POST',
    path: '/api/step-up/totp',
    access: 'session',
    what: 'Confirms presence with a code; replaces the session.',
    body: z.object({ code }),
    response: signedIn,
  },

  describeProgram: {
    method: 'POST',
    path: '/api/programs/describe',
    access: 'session',
    what: 'What a program asks for, for the page on which its person allows it. Changes nothing.',
    body: programRequest,
    response: z.object({
      app: z.object({ name: z.string(), url: z.string() }),
      name: z.string(),
      form: z.enum(['bearer', 'dpop']),
      email: z.string(),
      expiresAt: z.number(),
      /** What would happen if the person opened the app now. */
      effect: z.enum(['permit', 'forbid']),
      reason: z.string(),
      /** Where a refusal leads, when the program listens for it. */
      refusal: z.string().optional(),
    }),
  },
  allowProgram: {
    method: 'POST',
    path: '/api/programs/allow',
    access: 'session',
    what: 'Lets a program open an app as this person: the way back to it with a code, or the code to carry.',
    body: programRequest,
    response: z.object({ location: z.string().optional(), code: z.string().optional(), expiresAt: z.number() }),
  },

  profile: {
    method: 'GET',
    path: '/api/profile',
    access: 'session',
    what: "The person's own page: apps, factors, sessions, programs.",
    response: z.object({
      user: z.object({ id: z.string(), email: z.string(), name: z.string(), groups: z.array(z.string()) }),
      session: z.object({
        id: z.string(),
        acr: z.string(),
        amr: z.array(z.string()),
        authenticatedAt: z.number(),
        expiresAt: z.number(),
      }),
      factors: z.object({ totp: z.boolean(), passkeys: z.number(), recoveryCodesLeft: z.number() }),
      sessions: z.array(
        z.object({
          id: z.string(),
          current: z.boolean(),
          address: z.string(),
          userAgent: z.string(),
          authenticatedAt: z.number(),
        }),
      ),
      programs: z.array(
        z.object({
          id: z.string(),
          name: z.string(),
          app: z.string(),
          form: z.enum(['bearer', 'dpop']),
          createdAt: z.number(),
          expiresAt: z.number(),
        }),
      ),
      apps: z.array(
        z.object({
          id: z.string(),
          name: z.string(),
          url: z.string(),
          effect: z.enum(['permit', 'forbid']),
          reason: z.string(),
        }),
      ),
    }),
  },
  addPasskeyOptions: {
    method: 'POST',
    path: '/api/profile/passkeys/options',
    access: 'session',
    what: 'Options to add a passkey with.',
    body: z.object({}),
    response: z.object({ flow: z.string(), options: webauthn }),
  },
  addPasskey: {
    method: 'POST',
    path: '/api/profile/passkeys',
    access: 'session',
    what: 'Adds a passkey; the sign-in must be recent.',
    body: z.object({ flow: token, response: webauthn }),
    response: z.object({ ok: z.literal(true) }),
  },
  endOwnSession: {
    method: 'DELETE',
    path: '/api/profile/sessions/:id',
    access: 'session',
    what: 'Ends another session of the person.',
    params: z.object({ id: z.string() }),
    response: z.object({ ok: z.literal(true) }),
  },
  endOwnProgram: {
    method: 'DELETE',
    path: '/api/profile/programs/:id',
    access: 'session',
    what: 'Ends the token of a program that the person has allowed.',
    params: z.object({ id: z.string() }),
    response: z.object({ ok: z.literal(true) }),
  },
  signOut: {
    method: 'POST',
    path: '/api/sign-out',
    access: 'session',
    what: 'Ends the session.',
    body: z.object({}),
    response: z.object({ ok: z.literal(true) }),
  },
} as const;
