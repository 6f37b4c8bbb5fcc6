import type { CONTROL_ROUTES } from '#contract';
import { effectiveTier } from '#model';
import { decideManage } from '#policy';
import type { Answer, Handlers } from '../register.ts';
import type { ApiServices, ProbeRound } from '../services.ts';
import type { DecisionCounter } from './decision-counter.ts';

type Routes = Handlers<typeof CONTROL_ROUTES>;

/** The state of the installation, the caller, and what Cordon says about itself. */
export function overviewRoutes(
  services: ApiServices,
  counter: DecisionCounter,
): Pick<Routes, 'status' | 'me' | 'probe' | 'authority' | 'sshAuthority'> {
  const { graph, clock } = services;
  return {
    status: async () => await statusOf(services, counter),
    me: async ({ caller, address }) => {
      if (caller.kind !== 'person') {
        const name = 'operator of this machine';
        return await Promise.resolve({ id: caller.actor, email: '', name, canManage: true, acr: '' });
      }
      const user = graph.get('user', caller.userId);
      const { effect, remedies } = decideManage({
        policies: services.policies(),
        graph,
        now: clock.now(),
        session: caller.session,
        action: 'manage',
        address,
      });
      // Whoever only has to prove again that it is them may manage: the console asks when it comes to it.
      const canManage = effect === 'permit' || remedies.includes('step-up');
      const { acr } = caller.session;
      return { id: caller.userId, email: user?.email ?? '', name: user?.name ?? '', canManage, acr };
    },
    authority: async () => {
      const { certificate, fingerprint } = services.authority;
      return await Promise.resolve({ certificate, fingerprint });
    },
    sshAuthority: async () => await Promise.resolve({ publicKey: services.sshAuthority.publicKey }),
    probe: async () => probeAnswer(await services.prober.run()),
  };
}

async function statusOf(
  services: ApiServices,
  counter: DecisionCounter,
): Promise<Answer<(typeof CONTROL_ROUTES)['status']>> {
  const { graph, journal, clock } = services;
  const now = clock.now();
  const problem = services.configurationProblem();
  const probe = services.prober.last();
  const { perMinute, ...decisions } = counter.counts();
  return {
    version: services.version,
    domain: services.configuration().domain,
    startedAt: services.startedAt,
    now,
    graphSeq: graph.seq,
    policyVersion: services.policies()?.version ?? 0,
    journal: { writable: journal.writable, directory: services.journalDirectory },
    ...(problem === undefined
      ? {}
      : { configurationProblem: { at: problem.at, problems: problem.problems.map((one) => ({ ...one })) } }),
    ...(probe === undefined ? {} : { probe: probeAnswer(probe) }),
    counts: countsOf(services, now, (await services.gateway.connections()).length),
    decisions: { ...decisions, perMinute: [...perMinute] },
  };
}

function probeAnswer({ findings, notProbed, ...round }: ProbeRound): Answer<(typeof CONTROL_ROUTES)['probe']> {
  return { ...round, findings: findings.map((finding) => ({ ...finding })), notProbed: [...notProbed] };
}

function countsOf(
  { graph }: ApiServices,
  now: number,
  liveConnections: number,
): Answer<(typeof CONTROL_ROUTES)['status']>['counts'] {
  const assets = [0, 0, 0, 0];
  for (const asset of graph.all('asset')) {
    const tier = effectiveTier(asset, now);
    assets[tier] = (assets[tier] ?? 0) + 1;
  }
  const devices = [...graph.all('device')].filter(({ status }) => status === 'active');
  return {
    assets,
    users: graph.count('user'),
    activeSessions: countIf(graph.all('session'), ({ expiresAt }) => expiresAt > now),
    devices: devices.length,
    unhealthyDevices: countIf(devices, ({ posture }) => posture?.verdict === 'unhealthy'),
    workloads: graph.count('workload'),
    quarantined: countIf(graph.all('workload'), ({ quarantine }) => quarantine !== undefined),
    segments: graph.count('segment'),
    apps: graph.count('app'),
    openAlerts: countIf(graph.all('alert'), ({ status }) => status === 'open'),
    liveConnections,
  };
}

function countIf<T>(items: Iterable<T>, isCounted: (item: T) => boolean): number {
  let count = 0;
  for (const item of items) if (isCounted(item)) count += 1;
  return count;
}
