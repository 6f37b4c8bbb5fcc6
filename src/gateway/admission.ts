import { allowance } from '#base';
import { buildEvent, type OcsfEvent, type ReasonCode } from '#model';
import { Budgets } from './budgets.ts';
import { type Exchange, type Refusal, refuse } from './exchange.ts';
import type { Limits } from './limits.ts';
import { type Episode, Overload, watchEventLoop } from './overload.ts';
import { isOwnPath } from './path.ts';
import type { RecordJournal } from './record.ts';

/** What an exchange met at the entrance, before anybody looked at what it asks for. */
export interface Admitted {
  readonly refused: Refusal | undefined;
  /** To be called once, when the exchange has ended. */
  readonly leave: () => void;
}

/** Who may come in at all: within the budgets, and while there is room. */
export interface Admission {
  readonly budgets: Budgets;
  readonly overload: Overload;
  enter(exchange: Exchange): Admitted;
  /** False for a refusal that would be one more of very many; those are counted and not written. */
  isWorthTelling(refusal: Refusal): boolean;
  /** Forgets who has been quiet. */
  forget(): void;
  close(): void;
}

/** What an admission works with. */
export interface AdmissionOptions {
  readonly limits: Limits;
  readonly now: () => number;
  readonly journal: RecordJournal;
  readonly onError: (error: unknown, where: string) => void;
}

/** Refusals that come in floods by their nature. */
const FLOODS: ReadonlySet<string> = new Set(['too-many-requests', 'too-many-connections', 'overloaded']);
/** Events about them per second. */
const TOLD_PER_SECOND = 5;

/** Makes an admission, which watches the event loop until it is closed. */
export function createAdmission({ limits, now, journal, onError }: AdmissionOptions): Admission {
  const budgets = new Budgets(limits);
  const mayTell = allowance(TOLD_PER_SECOND, now);
  const overload = new Overload(limits, (episode) => {
    journal.append(episodeEvent(episode, now())).catch((error: unknown) => {
      onError(error, 'overload');
    });
  });
  const unwatch = watchEventLoop(overload);
  return {
    budgets,
    overload,
    enter: ({ client, address, asked }) => {
      const entrance =
        asked === undefined ? budgets.enter(client.socket, address, now()) : budgets.enterAsked(address, now());
      // Whoever is signing in is let finish: these are few, and without them nobody new ever gets in.
      const mayPass = overload.enter({ isSpared: isOwnPath(client.target) });
      const isStream = client.webSocket !== undefined;
      // A WebSocket stays open without being work.
      if (isStream) overload.leave();
      return {
        refused: refusalOf(entrance.refused, mayPass),
        leave: () => {
          entrance.leave();
          if (!isStream) overload.leave();
        },
      };
    },
    isWorthTelling: ({ reasons }) => !FLOODS.has(reasons[0]?.code ?? '') || mayTell(),
    forget: () => {
      budgets.forget(now());
    },
    close: unwatch,
  };
}

function refusalOf(code: ReasonCode | undefined, mayPass: boolean): Refusal | undefined {
  if (code !== undefined) return refuse(429, code);
  return mayPass ? undefined : refuse(503, 'overloaded');
}

const BECAUSE: Readonly<Record<Episode['because'], string>> = {
  'event-loop-late': 'the event loop is late',
  'too-many-at-once': 'too many requests are under way',
};

/** No action: it is about nobody's request. */
function episodeEvent({ kind, because, lateMs, underWay, shed }: Episode, time: number): OcsfEvent {
  const began = kind === 'began';
  return buildEvent({
    class: 'httpActivity',
    activity: 'other',
    time,
    message: began
      ? `the gateway sheds requests: ${BECAUSE[because]}`
      : `the gateway has room again; ${shed} requests were shed`,
    severity: began ? 'medium' : 'informational',
    status: began ? 'failure' : 'success',
    ...(began ? { statusCode: 'overloaded' } : {}),
    cordon: { overload: { kind, because, lateMs, underWay, shed } },
  });
}
