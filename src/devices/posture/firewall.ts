import { ifSeen, type PostureCheck } from './check.ts';

/** Passes when a chain on the input hook refuses what no rule accepts. */
export const firewall: PostureCheck = {
  id: 'firewall',
  title: 'Firewall refuses by default',
  required: true,
  passes:
    'an nftables base chain on the input hook of family inet, or one each of ip and ip6, drops by policy or by its last rule',
  judge: (facts) =>
    ifSeen(facts.inputChains, (chains) => {
      const closed = chains.filter((chain) => chain.policy === 'drop' || chain.terminalDrop);
      const families = new Set(closed.map((chain) => chain.family));
      if (families.has('inet') || (families.has('ip') && families.has('ip6'))) {
        const names = closed.slice(0, 3).map(({ family, table, chain }) => `${family} ${table} ${chain}`);
        return { outcome: 'pass', detail: `input is refused by default in ${names.join(', ')}` };
      }
      const fix = 'run `cordon agent run` with segments in force, or enable ufw or firewalld';
      if (families.size > 0) {
        const open = families.has('ip') ? 'IPv6' : 'IPv4';
        return { outcome: 'fail', detail: `input is refused by default, but not for ${open}`, fix };
      }
      return {
        outcome: 'fail',
        detail: chains.length === 0 ? 'there is no input chain' : 'every input chain accepts by default',
        fix,
      };
    }),
};
