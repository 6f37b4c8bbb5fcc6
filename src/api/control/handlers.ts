import type { CONTROL_ROUTES } from '#contract';
import type { DecisionClients } from '../authzen/clients.ts';
import type { Handlers } from '../register.ts';
import type { ApiServices } from '../services.ts';
import { accessRoutes } from './access.ts';
import { alertRoutes } from './alerts.ts';
import { appRoutes } from './apps.ts';
import { assetRoutes } from './assets.ts';
import { configurationRoutes } from './configuration.ts';
import { decisionClientRoutes } from './decision-clients.ts';
import { createDecisionCounter } from './decision-counter.ts';
import { deviceRoutes } from './devices.ts';
import { createEventStreams } from './event-stream.ts';
import { eventRoutes } from './events.ts';
import { overviewRoutes } from './overview.ts';
import { peopleRoutes } from './people.ts';
import { policyRoutes } from './policies.ts';
import { policySearchRoutes } from './policy-search.ts';
import { createPolicyThread } from './policy-thread.ts';
import { segmentRoutes } from './segments.ts';
import { createUpstreamTurns } from './upstream-turns.ts';

const MEBIBYTE = 1024 * 1024;

/** Bytes of the bodies that hold whole files. */
export const CONTROL_BODY_LIMITS: { readonly [K in keyof typeof CONTROL_ROUTES]?: number } = {
  checkPolicies: 2 * MEBIBYTE,
  replayPolicies: 2 * MEBIBYTE,
  activatePolicies: 2 * MEBIBYTE,
  diffConfiguration: 2 * MEBIBYTE,
  applyConfiguration: 2 * MEBIBYTE,
};

/** The control API without its guards: the console host and the control socket share it. */
export interface ControlHandlers {
  readonly handlers: Handlers<typeof CONTROL_ROUTES>;
  /** Ends event streams and whatever is still being computed. */
  close(): void;
}

/** Makes the handlers of every control route. */
export function controlHandlers(services: ApiServices, clients: DecisionClients): ControlHandlers {
  const counter = createDecisionCounter(services.journal, services.clock);
  const turns = createUpstreamTurns(services.journal, services.graph);
  const streams = createEventStreams(services);
  const thread = createPolicyThread();
  return {
    handlers: {
      ...overviewRoutes(services, counter),
      ...appRoutes(services, turns),
      ...assetRoutes(services),
      ...peopleRoutes(services),
      ...accessRoutes(services),
      ...deviceRoutes(services),
      ...decisionClientRoutes(services, clients),
      ...segmentRoutes(services),
      ...alertRoutes(services),
      ...eventRoutes(services, streams),
      ...policyRoutes(services, thread),
      ...policySearchRoutes(services),
      ...configurationRoutes(services, thread),
    },
    close: () => {
      counter.close();
      turns.close();
      streams.close();
      thread.close();
    },
  };
}
