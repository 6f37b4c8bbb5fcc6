import { buildEvent } from '#model';
import type { SshCertificate } from '#identity';
import { send } from '../answer.ts';
import { type Exchange, type GatewayParts, need, refuse, type StageResult } from '../exchange.ts';
import { cutRefusal } from '../forward-http.ts';
import { readOwnBody } from '../own-body.ts';

/** Longest body that is read, bytes: one public key. */
const LONGEST = 8192;
const DEFAULT_EXTENSIONS = ['permit-pty'] as const;

/** Lets a request for a certificate go on, when the app is one for SSH. */
export function beginSshCertificate(exchange: Exchange, { sshAuthority }: GatewayParts): StageResult {
  if (need(exchange, 'app').ssh === undefined || sshAuthority === undefined) {
    return refuse(404, 'app-unknown', 'this app gives no SSH certificates; set `ssh` for it');
  }
  exchange.purpose = 'ssh-certificate';
  return undefined;
}

/** The public key that servers have to trust. It is no secret. */
export function showSshAuthority(exchange: Exchange, { sshAuthority }: GatewayParts): StageResult {
  if (sshAuthority === undefined) return refuse(404, 'app-unknown', 'Cordon has no such page here');
  send(exchange, { status: 200, type: 'text/plain; charset=utf-8', body: `${sshAuthority.publicKey}\n` });
  return 'answered';
}

/**
 * Certifies the key in the body for the login names of the app. INVARIANT: no certificate leaves before it is on record, as it is good
 * where the gateway cannot see or cut; that is also why it lives for minutes, and never longer than what it was asked for with.
 */
export async function issueSshCertificate(exchange: Exchange, parts: GatewayParts): Promise<StageResult> {
  const access = need(exchange, 'access');
  const { ssh } = access.app;
  const user = need(exchange, 'user');
  if (ssh === undefined || parts.sshAuthority === undefined) throw new Error('this app gives no SSH certificates');
  const read = await readOwnBody(exchange.client, LONGEST);
  if (read === 'long') return refuse(413, 'ssh-key-refused', `a public key has at most ${LONGEST} bytes`);
  if (read === 'broken') return refuse(400, 'request-malformed', 'the public key did not come whole');
  const lifetimeSeconds = Math.min(ssh.lifetimeSeconds, secondsLeft(exchange, parts));
  if (lifetimeSeconds < 1) return refuse(401, 'session-expired');
  const made = parts.sshAuthority.certify({
    publicKey: read.text,
    keyId: `${user.email} ${need(exchange, 'session').id} ${exchange.correlationId}`,
    principals: ssh.principals,
    lifetimeSeconds,
    extensions: ssh.extensions ?? DEFAULT_EXTENSIONS,
    sourceAddresses: ssh.sourceAddresses ?? [],
  });
  if (!made.ok) return refuse(400, 'ssh-key-refused', made.error);
  if (!(await isRecorded(exchange, parts, made.value))) return refuse(503, 'cannot-record');
  // The body and the write were waited for; who was cut off meanwhile gets nothing.
  if (exchange.cut !== undefined) return cutRefusal(exchange.cut);
  const { text: certificate, validBefore: expiresAt } = made.value;
  const body = `${JSON.stringify({ certificate, principals: ssh.principals, host: access.host, expiresAt })}\n`;
  send(exchange, { status: 200, type: 'application/json', body });
  return 'answered';
}

/** How long the session goes on, and the token when there is one. */
function secondsLeft(exchange: Exchange, { clock }: GatewayParts): number {
  const { expiresAt } = need(exchange, 'session');
  const { expiresAt: tokenEnds = expiresAt } = need(exchange, 'appSession');
  return Math.floor((Math.min(expiresAt, tokenEnds) - clock.now()) / 1000);
}

async function isRecorded(
  exchange: Exchange,
  { journal, clock, counters }: GatewayParts,
  issued: SshCertificate,
): Promise<boolean> {
  const { app, host, address } = need(exchange, 'access');
  const user = need(exchange, 'user');
  const person = { uid: user.id, email_addr: user.email, name: user.name };
  const { serial, fingerprint, validAfter, validBefore } = issued;
  try {
    await journal.append(
      buildEvent({
        class: 'entityManagement',
        activity: 'create',
        time: clock.now(),
        message: `${user.email} got an SSH certificate for ${host} until ${new Date(validBefore).toISOString()}`,
        severity: 'informational',
        status: 'success',
        action: 'allowed',
        correlationId: exchange.correlationId,
        attributes: {
          actor: { user: person, session: { uid: need(exchange, 'session').id } },
          entity: { type: 'SSH certificate', uid: serial, name: fingerprint },
          src_endpoint: { ip: address },
        },
        cordon: { app: app.id, principals: [...(app.ssh?.principals ?? [])], validAfter, validBefore },
      }),
    );
    return true;
  } catch {
    counters.unrecorded += 1;
    return false;
  }
}
