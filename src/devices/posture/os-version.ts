import { ifSeen, type PostureCheck } from './check.ts';
import { findRelease } from './releases.ts';

/** Passes while the distribution's release still receives security updates. */
export const osVersion: PostureCheck = {
  id: 'os-version',
  title: 'Operating system is supported',
  required: true,
  passes: 'the release is in the table below and its last day has not passed',
  judge: (facts, now) =>
    ifSeen(facts.os, ({ id, versionId, prettyName }) => {
      const release = findRelease(id, versionId);
      if (release === undefined) {
        return {
          outcome: 'unknown',
          detail: `\`${prettyName}\` is not in the table of releases`,
          fix: 'use a release of Debian, Ubuntu, the RHEL family or Amazon Linux, or update Cordon',
        };
      }
      if (now <= Date.parse(`${release.until}T23:59:59Z`)) {
        return { outcome: 'pass', detail: `${prettyName}, security updates until ${release.until}` };
      }
      return {
        outcome: 'fail',
        detail: `${prettyName} has received no security updates since ${release.until}`,
        fix: 'upgrade to a supported release',
      };
    }),
};
