import type { Mount } from '#wire';
import { ifSeen, type Judgement, type PostureCheck } from './check.ts';

/** Firmware and the boot loader read these before any key is known. */
const BOOT = /^\/(boot|efi)(\/|$)/;

/** Passes when everything mounted, except for the boot partitions, lies on an encrypted layer. */
export const diskEncryption: PostureCheck = {
  id: 'disk-encryption',
  title: 'Disks are encrypted',
  required: true,
  passes:
    'every mounted disk and swap, except /boot and /efi, lies on dm-crypt; in a virtual machine or container a plain disk is not applicable',
  judge: (facts) =>
    ifSeen(facts.mounts, (mounts) => {
      const relevant = mounts.filter((mount) => !BOOT.test(mount.mountpoint));
      const plain = relevant.filter((mount) => !mount.encrypted);
      if (relevant.length > 0 && plain.length === 0) {
        return { outcome: 'pass', detail: `${relevant.length} of ${relevant.length} mounts are encrypted` };
      }
      const { virtualization } = facts;
      if ('value' in virtualization && virtualization.value.kind !== 'none') {
        const { kind, product } = virtualization.value;
        return {
          outcome: 'not-applicable',
          detail: `a ${kind === 'vm' ? 'virtual machine' : 'container'} (${product}) cannot see how its storage is encrypted; check the provider's volume`,
        };
      }
      return judgePlain(plain, 'unknown' in virtualization);
    }),
};

function judgePlain(plain: readonly Mount[], maybeVirtual: boolean): Judgement {
  if (plain.length === 0) {
    return { outcome: 'unknown', detail: 'no mounted disk was found', fix: 'run the agent outside of a sandbox' };
  }
  const names = plain.slice(0, 5).map((mount) => `${mount.mountpoint} (${mount.device})`);
  const detail = `not encrypted: ${names.join(', ')}${plain.length > 5 ? ` and ${plain.length - 5} more` : ''}`;
  const fix = 'move the data to a LUKS volume, or reinstall with disk encryption';
  // Whether a plain disk is the provider's business cannot be said without knowing what the host runs on.
  if (maybeVirtual)
    return { outcome: 'unknown', detail: `${detail}; whether this is a virtual machine is unknown`, fix };
  return { outcome: 'fail', detail, fix };
}
