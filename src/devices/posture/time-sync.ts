import { ifSeen, type PostureCheck } from './check.ts';

/** Passes when the clock follows a source: certificates, sign-in age and the order of events rest on it. */
export const timeSync: PostureCheck = {
  id: 'time-sync',
  title: 'Clock is synchronized',
  required: false,
  passes: 'the kernel reports a synchronized clock; not applicable in a container, which uses its host’s clock',
  judge: (facts) => {
    const { virtualization } = facts;
    if ('value' in virtualization && virtualization.value.kind === 'container') {
      return { outcome: 'not-applicable', detail: 'a container uses the clock of its host' };
    }
    return ifSeen(facts.timeSync, ({ synchronized, source }) =>
      synchronized
        ? { outcome: 'pass', detail: `synchronized (${source})` }
        : { outcome: 'fail', detail: `not synchronized (${source})`, fix: 'enable systemd-timesyncd or chrony' },
    );
  },
};
