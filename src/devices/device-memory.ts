import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import type { Clock } from '#base';
import type { Device, Posture, TrustGraph } from '#model';
import type { Store, StoreTransaction } from '#store';
import type { DeviceCertificate } from './authority.ts';
import { keyThumbprintOf } from './thumbprint.ts';

const IDENTITY_ROW = 'device-identity';
const REPORT_ROW = 'device-report';

/** When a certificate is valid. */
interface Validity {
  readonly notBefore: number;
  readonly notAfter: number;
}

interface IdentityRow {
  readonly key: JsonWebKey;
  readonly certificate: Validity & { readonly thumbprint: string };
}

/** What of the reports outlives a restart: the highest sequence that was stored, and the program status that was told. */
interface ReportRow {
  readonly sequence: number;
  readonly program?: string;
}

/** What the server remembers of a device between its reports. */
export interface DeviceMemory {
  readonly key: KeyObject;
  validity: Validity;
  /** The highest sequence accepted. Everything up to it is a replay. */
  sequence: number;
  /** `jti` of accepted reports, with the time until which a replay would still be fresh. */
  readonly seen: Map<string, number>;
  /** What the journal was last told, so that a change is told once, and again when the journal failed. */
  posture: string | undefined;
  program: string | undefined;
  addresses: string | undefined;
  refusal: string | undefined;
  /** Ends when the report under way is done. */
  turn: Promise<unknown>;
}

/** Runs `work` after all that was begun for the device before, so that an older report never overtakes a newer one. */
export async function inTurn<T>(memory: DeviceMemory, work: () => Promise<T>): Promise<T> {
  const turn = memory.turn.then(work);
  memory.turn = turn.catch(() => undefined);
  return await turn;
}

/** Verdict and outcomes of a posture as one word; wording may change without being news. */
export function postureWord(posture: Posture | undefined): string | undefined {
  if (posture === undefined) return undefined;
  return `${posture.verdict} ${posture.results.map(({ check, outcome }) => `${check}=${outcome}`).join(' ')}`;
}

/** The memories of devices, read from the store when first needed. One process owns them. */
export class DeviceMemories {
  readonly #store: Store;
  readonly #graph: TrustGraph;
  readonly #clock: Clock;
  readonly #held = new Map<string, DeviceMemory>();

  constructor({ store, graph, clock }: { store: Store; graph: TrustGraph; clock: Clock }) {
    this.#store = store;
    this.#graph = graph;
    this.#clock = clock;
  }

  /** Undefined when the key in the store is not the one of the device: nothing it signs can be believed. */
  async of(device: Device): Promise<DeviceMemory | undefined> {
    const known = this.#held.get(device.id);
    if (known !== undefined) return known;
    const { identity, report } = await this.#store.read(async (tx) => ({
      identity: await tx.getPrivate<IdentityRow>(IDENTITY_ROW, device.id),
      report: await tx.getPrivate<ReportRow>(REPORT_ROW, device.id),
    }));
    if (identity === undefined) return undefined;
    const key = createPublicKey({ key: identity.key, format: 'jwk' });
    if (keyThumbprintOf(key) !== device.keyThumbprint) return undefined;
    // Somebody else may have been faster. There must be one memory, or both would accept the same report.
    const raced = this.#held.get(device.id);
    if (raced !== undefined) return raced;
    const memory: DeviceMemory = {
      key,
      validity: identity.certificate,
      sequence: report?.sequence ?? -1,
      seen: new Map(),
      posture: postureWord(this.#graph.get('device', device.id)?.posture),
      program: report?.program,
      addresses: undefined,
      refusal: undefined,
      turn: Promise.resolve(),
    };
    this.#held.set(device.id, memory);
    return memory;
  }

  /** Notes the validity of the certificate that is now in force. */
  renewed(deviceId: string, validity: Validity): void {
    const memory = this.#held.get(deviceId);
    if (memory !== undefined) memory.validity = validity;
  }

  /** Forgets devices that are gone and `jti`s whose report would be too old by now. */
  sweep(): void {
    const now = this.#clock.now();
    for (const [id, memory] of this.#held) {
      if (this.#graph.get('device', id)?.status !== 'active') this.#held.delete(id);
      for (const [jti, until] of memory.seen) if (until <= now) memory.seen.delete(jti);
    }
  }
}

/** Keeps the key and the certificate of a device. */
export async function keepIdentity(tx: StoreTransaction, deviceId: string, issued: DeviceCertificate): Promise<void> {
  const { publicKey, thumbprint, notBefore, notAfter } = issued;
  const row: IdentityRow = {
    key: publicKey.export({ format: 'jwk' }),
    certificate: { thumbprint, notBefore, notAfter },
  };
  await tx.putPrivate(IDENTITY_ROW, deviceId, row);
}

/** Removes what is kept of a device that will never be heard again. */
export async function dropIdentity(tx: StoreTransaction, deviceId: string): Promise<void> {
  await tx.deletePrivate(IDENTITY_ROW, deviceId);
  await tx.deletePrivate(REPORT_ROW, deviceId);
}

/** Keeps what of a report has to outlive a restart. */
export async function keepReport(tx: StoreTransaction, deviceId: string, row: ReportRow): Promise<void> {
  await tx.putPrivate(REPORT_ROW, deviceId, row);
}
