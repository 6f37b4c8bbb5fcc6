import { flat, Made } from '#base';
import type { App, Device, Session, User } from '#model';
import type { Exchange } from './exchange.ts';
import type { Transport } from './handoff.ts';
import { deviceText, whoText } from './who.ts';

/** What an event says of a request. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly host: string;
  /** Absent for what was let in: its app answers. */
  readonly status: number | undefined;
}

/** What a request has in common with the others of its session. */
interface Basis {
  readonly user: User | undefined;
  readonly session: Session | undefined;
  readonly device: Device | undefined;
  readonly app: App | undefined;
  readonly address: string;
  readonly transport: Transport;
  readonly method: string;
  readonly host: string;
  readonly agent: string;
}

/** Of a user agent, this much is written. */
const LONGEST_AGENT = 512;

/**
 * The members of an event that say who asked from where for what, as they stand in its JSON. Never the query: it may hold secrets. What is
 * before the path is kept with the session as long as it stays the same: the graph replaces what changes.
 */
export function exchangeAttributes(exchange: Exchange, { method, path, host, status }: Asked): string {
  const { client, user, session, device, app, address, transport } = exchange;
  const agent = (client.header('user-agent') ?? '').slice(0, LONGEST_AGENT);
  const basis: Basis = { user, session, device, app, address, transport, method, host, agent };
  const beginning = session === undefined ? beginningOf(basis) : beginnings.get(session, basis);
  const answer = status === undefined ? '' : `,"http_response":{"code":${status}}`;
  return `${beginning}${JSON.stringify(path)}}}${answer}`;
}

const beginnings = new Made<Session, Basis, string>((_session, basis) => beginningOf(basis), isSame);

function isSame(a: Basis, b: Basis): boolean {
  return (
    a.user === b.user &&
    a.device === b.device &&
    a.app === b.app &&
    a.address === b.address &&
    a.transport === b.transport &&
    a.method === b.method &&
    a.host === b.host &&
    a.agent === b.agent
  );
}

function beginningOf({ user, session, device, app, address, transport, method, host, agent }: Basis): string {
  const who = user === undefined ? '' : `${whoText(user, session?.id)},`;
  const what = device === undefined ? '' : `${deviceText(device)},`;
  const service = app === undefined ? '' : `,"svc_name":${JSON.stringify(app.id)}`;
  const name = JSON.stringify(host);
  const scheme = transport === 'tls' ? 'https' : 'http';
  return flat(
    `${who}${what}"src_endpoint":{"ip":${JSON.stringify(address)}},"dst_endpoint":{"hostname":${name}${service}},"http_request":{"http_method":${JSON.stringify(method)},"user_agent":${JSON.stringify(agent)},"url":{"scheme":"${scheme}","hostname":${name},"path":`,
  );
}
