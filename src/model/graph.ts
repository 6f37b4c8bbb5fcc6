import { Listeners } from '#base';
import { type AnyEntity, type ChangeWithEntity, type Snapshot } from './change.ts';
import {
  ENTITY_KINDS,
  type App,
  type AppSession,
  type Device,
  type EntityKind,
  type EntityOf,
  type Session,
  type Tier,
  effectiveTier,
} from './entity.ts';

/** What an applied change touched: the entity itself and, for listeners, its state before. */
export interface Touched {
  readonly seq: number;
  readonly kind: string;
  readonly id: string;
  readonly before?: AnyEntity;
  readonly after?: AnyEntity;
}

type Tables = { [K in EntityKind]: Map<string, EntityOf[K]> };

/**
 * The in-memory replica of the store that all decisions are made from: plain maps plus the indexes decisions need.
 * INVARIANT: `apply` is the only way in after `load`, in the order of `seq`, so indexes never disagree with the maps.
 */
export class TrustGraph {
  #seq = 0;
  readonly #tables: Tables = emptyTables();
  #hasGap = false;
  readonly #listeners = new Listeners<[Touched]>('graph');
  readonly #sessionByToken = new Map<string, Session>();
  readonly #appSessionByToken = new Map<string, AppSession>();
  readonly #deviceByToken = new Map<string, Device>();
  readonly #deviceByCertificate = new Map<string, Device>();
  readonly #appByHost = new Map<string, App>();
  readonly #ancestors = new Map<string, ReadonlySet<string>>();

  /** Sequence number of the last applied change. */
  get seq(): number {
    return this.#seq;
  }

  /** False after a gap in the feed until the next `load`: something is missing, and nothing says what. */
  get isWhole(): boolean {
    return !this.#hasGap;
  }

  /** Replaces everything by a snapshot. Listeners are not called: the caller starts from zero. */
  load(snapshot: Snapshot): void {
    for (const kind of ENTITY_KINDS) this.#tables[kind].clear();
    for (const index of [
      this.#sessionByToken,
      this.#appSessionByToken,
      this.#deviceByToken,
      this.#deviceByCertificate,
      this.#appByHost,
    ])
      index.clear();
    this.#ancestors.clear();
    for (const entity of snapshot.entities) this.#insert(entity);
    this.#seq = snapshot.seq;
    this.#hasGap = false;
  }

  /**
   * Applies one change, in order; one that is there already changes nothing. A gap is a programming error and throws. A replica with a
   * hole must not decide: it is not whole until the next `load`.
   */
  apply({ change, entity }: ChangeWithEntity): Touched {
    if (change.seq <= this.#seq) return { seq: change.seq, kind: change.kind, id: change.id };
    if (change.seq !== this.#seq + 1) {
      this.#hasGap = true;
      throw new Error(`change feed has a gap: have ${this.#seq}, got ${change.seq}`);
    }
    const before = this.#remove(change.kind, change.id);
    if (entity !== undefined) this.#insert(entity);
    this.#seq = change.seq;
    const touched: Touched = {
      seq: change.seq,
      kind: change.kind,
      id: change.id,
      ...(before === undefined ? {} : { before }),
      ...(entity === undefined ? {} : { after: entity }),
    };
    this.#listeners.tell(touched);
    return touched;
  }

  /** Calls `listener` after every applied change, until the returned function is called. One that throws disturbs nobody else. */
  onTouched(listener: (touched: Touched) => void): () => void {
    return this.#listeners.add(listener);
  }

  /** The entity, or undefined. */
  get<K extends EntityKind>(kind: K, id: string): EntityOf[K] | undefined {
    return this.#tables[kind].get(id);
  }

  /** All entities of a kind, in insertion order. */
  all<K extends EntityKind>(kind: K): IterableIterator<EntityOf[K]> {
    return this.#tables[kind].values();
  }

  /** How many entities of a kind there are. */
  count(kind: EntityKind): number {
    return this.#tables[kind].size;
  }

  sessionByTokenHash(hash: string): Session | undefined {
    return this.#sessionByToken.get(hash);
  }

  appSessionByTokenHash(hash: string): AppSession | undefined {
    return this.#appSessionByToken.get(hash);
  }

  deviceByTokenHash(hash: string): Device | undefined {
    return this.#deviceByToken.get(hash);
  }

  deviceByCertificate(thumbprint: string): Device | undefined {
    return this.#deviceByCertificate.get(thumbprint);
  }

  appByHost(host: string): App | undefined {
    return this.#appByHost.get(host);
  }

  /** Ids of all groups a user is in, directly or through parents. Cycles are harmless. */
  groupsOf(userId: string): ReadonlySet<string> {
    const known = this.#ancestors.get(userId);
    if (known !== undefined) return known;
    const found = new Set<string>();
    const queue = [...(this.get('user', userId)?.groups ?? [])];
    for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
      if (found.has(id)) continue;
      found.add(id);
      queue.push(...(this.get('group', id)?.parents ?? []));
    }
    this.#ancestors.set(userId, found);
    return found;
  }

  /** The tier in force for an app: the stricter of its own and its asset's. An app bound to a missing asset is T0: unknown is never ordinary. */
  tierOf(app: App, now: number): Tier {
    if (app.assetId === undefined) return app.tier;
    const asset = this.get('asset', app.assetId);
    if (asset === undefined) return 0;
    const tier = effectiveTier(asset, now);
    return tier < app.tier ? tier : app.tier;
  }

  #insert(entity: AnyEntity): void {
    const table: Map<string, unknown> = this.#tables[entity.kind];
    table.set(entity.id, entity.body);
    switch (entity.kind) {
      case 'session':
        this.#sessionByToken.set(entity.body.tokenHash, entity.body);
        break;
      case 'appSession':
        this.#appSessionByToken.set(entity.body.tokenHash, entity.body);
        break;
      case 'device':
        if (entity.body.tokenHash !== undefined) this.#deviceByToken.set(entity.body.tokenHash, entity.body);
        if (entity.body.certificateThumbprint !== undefined)
          this.#deviceByCertificate.set(entity.body.certificateThumbprint, entity.body);
        break;
      case 'app':
        this.#appByHost.set(entity.body.host, entity.body);
        break;
      case 'user':
        this.#ancestors.delete(entity.id);
        break;
      case 'group':
        this.#ancestors.clear();
        break;
      default:
    }
  }

  #remove(kind: string, id: string): AnyEntity | undefined {
    if (!isEntityKind(kind)) return undefined;
    const body = this.#tables[kind].get(id);
    if (body === undefined) return undefined;
    this.#tables[kind].delete(id);
    // The cast joins a kind with the body that came out of that kind's own table.
    const entity = { kind, id, body } as AnyEntity;
    switch (entity.kind) {
      case 'session':
        unindex(this.#sessionByToken, entity.body.tokenHash, entity.body);
        break;
      case 'appSession':
        unindex(this.#appSessionByToken, entity.body.tokenHash, entity.body);
        break;
      case 'device':
        unindex(this.#deviceByToken, entity.body.tokenHash, entity.body);
        unindex(this.#deviceByCertificate, entity.body.certificateThumbprint, entity.body);
        break;
      case 'app':
        unindex(this.#appByHost, entity.body.host, entity.body);
        break;
      case 'user':
        this.#ancestors.delete(id);
        break;
      case 'group':
        this.#ancestors.clear();
        break;
      default:
    }
    return entity;
  }
}

/** Two apps may have one host for the length of a transaction that moves it; the index then belongs to whoever was put last. */
function unindex<T>(index: Map<string, T>, key: string | undefined, body: T): void {
  if (key !== undefined && index.get(key) === body) index.delete(key);
}

/** True for the names of entity kinds; private rows have other kinds. */
export function isEntityKind(kind: string): kind is EntityKind {
  return (ENTITY_KINDS as readonly string[]).includes(kind);
}

function emptyTables(): Tables {
  return {
    user: new Map(),
    group: new Map(),
    device: new Map(),
    session: new Map(),
    appSession: new Map(),
    app: new Map(),
    asset: new Map(),
    workload: new Map(),
    segment: new Map(),
    policyBundle: new Map(),
    policyActivation: new Map(),
    risk: new Map(),
    alert: new Map(),
    responseRule: new Map(),
  };
}
