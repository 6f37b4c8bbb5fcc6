/** A catalogue entry: what a person reads, and what to do next. */
export interface ReasonText {
  readonly title: string;
  readonly remedy: string;
}

/** Every reason a decision or a refusal can carry. `docs/reference/reasons.md` lists the same codes. */
export const REASONS = {
  permit: { title: 'A policy permits this', remedy: '' },
  'no-permit': {
    title: 'No policy permits this',
    remedy: 'Ask the owner of the app for access, naming the correlation id.',
  },
  forbidden: { title: 'A policy forbids this', remedy: 'Read the policy named below; its owner can change it.' },
  'policy-error': {
    title: 'A policy could not be evaluated',
    remedy: 'An administrator has to correct the policy; until then it denies.',
  },
  'no-policies': {
    title: 'No policy bundle is active',
    remedy: 'An administrator has to activate policies with `cordon apply`.',
  },
  'not-authenticated': { title: 'You are not signed in', remedy: 'Sign in.' },
  'session-expired': { title: 'Your session has expired', remedy: 'Sign in again.' },
  'session-revoked': {
    title: 'Your session was ended',
    remedy: 'Sign in again, or ask an administrator why it was ended.',
  },
  'user-disabled': { title: 'Your account is disabled', remedy: 'Ask an administrator.' },
  'mfa-too-weak': { title: 'A stronger second factor is needed', remedy: 'Confirm with a passkey or security key.' },
  'sign-in-too-old': { title: 'Your sign-in is too old for this', remedy: 'Confirm that it is you.' },
  'device-unknown': {
    title: 'This device is not known',
    remedy: 'Sign in from a known device, or enrol this one with `cordon agent enrol`.',
  },
  'device-unmanaged': { title: 'This needs a managed device', remedy: 'Enrol the device with `cordon agent enrol`.' },
  'device-unhealthy': {
    title: 'This device fails a health check',
    remedy: 'Fix what is listed; the device is checked again within seconds.',
  },
  'device-stale': {
    title: 'The health of this device is unknown or too old',
    remedy: 'Start `cordon agent run` on the device.',
  },
  'device-revoked': { title: 'This device was revoked', remedy: 'Ask an administrator.' },
  'risk-too-high': {
    title: 'The risk is too high for this',
    remedy: 'It decays by itself; an administrator can see and clear the cause.',
  },
  'replica-stale': {
    title: 'The gateway has not heard of changes for too long',
    remedy: 'An administrator has to restore the connection to the store.',
  },
  'cannot-record': {
    title: 'The journal cannot be written',
    remedy: 'An administrator has to free space or repair the journal.',
  },
  internal: { title: 'Something failed inside Cordon', remedy: 'Give the correlation id to an administrator.' },
  'app-unknown': {
    title: 'No app is published at this address',
    remedy:
      'Check the address: every app has a host of its own, and your page at `id.` below the domain lists those for you.',
  },
  'request-malformed': {
    title: 'The request is malformed',
    remedy: 'Send the request as RFC 9110 and RFC 9112 define it.',
  },
  'header-refused': { title: 'The request carries a header it must not carry', remedy: 'Remove the header.' },
  'path-refused': { title: 'The path is ambiguous', remedy: 'Send the canonical path.' },
  'origin-refused': {
    title: 'This origin may not open a connection',
    remedy: 'Add the origin to `allowed_origins` of the app.',
  },
  'upstream-unreachable': { title: 'The app does not answer', remedy: 'Ask the owner of the app.' },
  'upstream-credential-missing': {
    title: 'Cordon cannot say to the app who it is',
    remedy: 'An administrator has to see to the file that `kubernetes.token_file` of the app names.',
  },
  'upstream-timeout': { title: 'The app takes too long to answer', remedy: 'Ask the owner of the app.' },
  'upstream-untrusted': {
    title: 'The app cannot prove that it is the app',
    remedy:
      'Ask the owner of the app: its certificate has expired, is for another name, or from an authority that is not believed.',
  },
  'upstream-invalid': {
    title: 'The app answered with something that is not HTTP',
    remedy: 'Ask the owner of the app.',
  },
  'tunnel-required': {
    title: 'This app is not a web site',
    remedy: 'Open it with `cordon connect`, or with `cordon ssh` where it is a host for SSH.',
  },
  'ssh-key-refused': {
    title: 'This SSH key gets no certificate',
    remedy: 'Make one with `ssh-keygen -t ed25519`.',
  },
  'connection-ended': { title: 'An administrator ended this connection', remedy: 'Open the app again.' },
  'gateway-stopping': { title: 'Cordon is being restarted', remedy: 'Open the app again in a moment.' },
  'enforced-elsewhere': {
    title: 'This app is not reached this way',
    remedy: 'An administrator has to send its requests where `enforced_by` of the app says.',
  },
  'stream-uncuttable': {
    title: 'This app opens no streams that could not be cut',
    remedy: 'An administrator can publish it through the gateway, which cuts them.',
  },
  'proxy-untrusted': {
    title: 'This address may not ask for decisions',
    remedy: 'An administrator can add the proxy to `forward_auth.trusted_proxies`.',
  },
  'too-many-connections': { title: 'Too many connections', remedy: 'Try again in a moment.' },
  'too-many-requests': { title: 'Too many requests', remedy: 'Send fewer, and try again in a moment.' },
  'body-too-large': { title: 'The body is larger than this app takes', remedy: 'Send less at once.' },
  overloaded: { title: 'Cordon has more to do than it can', remedy: 'Try again in a moment.' },
  'too-many-attempts': { title: 'Too many attempts', remedy: 'Wait, then try again.' },
  quarantined: {
    title: 'The workload is quarantined',
    remedy: 'An administrator can lift it with `cordon segments release`.',
  },
  'endpoint-unknown': {
    title: 'This end of the connection is not known',
    remedy: 'Declare the workload, or correct its address.',
  },
  'external-denied': {
    title: 'Traffic with addresses outside the inventory is denied',
    remedy: 'An administrator can add an exception for this network.',
  },
  'password-wrong': { title: 'The password was wrong', remedy: 'Check it, then try again.' },
  'account-unknown': { title: 'There is no such account', remedy: 'Check the address.' },
  'code-wrong': {
    title: 'The code was wrong',
    remedy: 'Check the clock of your phone, then type the code it shows now.',
  },
  'code-replayed': { title: 'The code was used before', remedy: 'Wait for the next code.' },
  'passkey-refused': { title: 'The passkey was not accepted', remedy: 'Try again, or use another passkey.' },
  'handoff-invalid': { title: 'The sign-in could not be carried to this host', remedy: 'Open the app again.' },
  'model-unknown': {
    title: 'Nobody has declared this model',
    remedy: 'An administrator has to declare it under `authzen.models`, or the address has to be corrected.',
  },
  'type-unknown': {
    title: 'The model does not know this type',
    remedy: 'Add the type to the model under `authzen.models`, or send another.',
  },
  'action-unknown': {
    title: 'The model does not know this action',
    remedy: 'Add the action to the model under `authzen.models`, or send another.',
  },
  'attributes-invalid': {
    title: 'Properties or context do not fit the model',
    remedy: 'Send them in the types of the schema; what is left out counts as absent.',
  },
  'token-invalid': {
    title: 'The token is not valid here',
    remedy: 'Get a new one for this app: `cordon token APP`.',
  },
  'proof-invalid': {
    title: 'The request does not prove that the token is its own',
    remedy: 'Send one fresh proof with each request (RFC 9449), made with the key that the token is bound to.',
  },
  'credentials-conflict': {
    title: 'The request carries the credentials of two sessions',
    remedy: 'Send the token or the cookie, not both.',
  },
  'host-misdirected': {
    title: 'This connection was made for another host',
    remedy: 'Open a connection for this host; browsers do so by themselves.',
  },
  'certificate-required': {
    title: 'This app is open only to devices that show their certificate',
    remedy:
      'Connect with the certificate of a device enrolled by `cordon agent enrol`, over TLS and by the name of the app.',
  },
  'identity-changed': {
    title: 'You are in other groups than when this was opened',
    remedy: 'Open it again: it then goes on as who you are now.',
  },
  'app-changed': { title: 'The app was changed or withdrawn', remedy: 'Open the app again.' },
} as const satisfies Readonly<Record<string, ReasonText>>;

/** A code of the catalogue. */
export type ReasonCode = keyof typeof REASONS;
