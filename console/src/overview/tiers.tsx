import { Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { TIERS, TierBadge } from '../parts/badges.tsx';
import { Empty } from '../parts/empty.tsx';
import { Panel } from '../parts/panel.tsx';

/** How many assets each tier has; a row leads to them. */
export function Tiers({ counts }: { counts: readonly number[] }): ReactNode {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return (
    <Panel title="Assets by tier">
      {total === 0 ? (
        <Empty title="No assets yet" command="cordon discover aws --from DIR">
          Import a saved account description; each asset gets a tier and the reasons for it.
        </Empty>
      ) : (
        TIERS.map(({ tier, name }) => {
          const count = counts[tier] ?? 0;
          return (
            <Link key={tier} to="/assets" search={{ tier: String(tier) }} className="tier-row">
              <TierBadge tier={tier} />
              <Text span size="sm">
                {name}
              </Text>
              <span className={`tier-track tier-${tier}`}>
                {count > 0 && <span className="tier-fill" style={{ width: `${(100 * count) / total}%` }} />}
              </span>
              <span className="tier-count">{count.toLocaleString()}</span>
            </Link>
          );
        })
      )}
    </Panel>
  );
}
