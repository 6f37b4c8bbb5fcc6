import { Button } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import type { ReactNode } from 'react';
import { type ControlOutput, control } from '../client.ts';
import { useAllowance } from '../parts/allowance.ts';
import { State } from '../parts/badges.tsx';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { Empty } from '../parts/empty.tsx';
import { Failure } from '../parts/failure.tsx';
import { LoadingRows } from '../parts/page.tsx';
import { When } from '../parts/when.tsx';
import { useControl } from '../query.ts';
import { ActivationDialog } from './activation-dialog.tsx';

type Bundle = ControlOutput<'policyHistory'>['items'][number];

const WEEK_HOURS = 168;

const COLUMNS: readonly Column<Bundle>[] = [
  { key: 'version', head: 'Version', width: 90, cell: ({ version }) => version, sortBy: ({ version }) => -version },
  {
    key: 'message',
    head: 'Message',
    cell: ({ message, author }) => (
      <>
        <span className="break">{message === '' ? 'no message' : message}</span>
        <div className="sub break">{author}</div>
      </>
    ),
  },
  {
    key: 'when',
    head: 'Activated',
    from: 'sm',
    width: 140,
    cell: ({ createdAt }) => <When time={createdAt} />,
    sortBy: ({ createdAt }) => -createdAt,
  },
  {
    key: 'act',
    head: 'Go back',
    isSilent: true,
    width: 130,
    cell: (bundle) => (bundle.active ? <State tone="good">in force</State> : <GoBack bundle={bundle} />),
  },
];

/** Every version of the policies, and the way back to one. */
export function History(): ReactNode {
  const { data, error } = useControl('policyHistory', {}, { refresh: 15_000 });
  if (data === undefined) return error === null ? <LoadingRows /> : <Failure error={error} />;
  return (
    <DataTable
      label="Versions"
      rows={data.items}
      columns={COLUMNS}
      rowKey={({ version }) => String(version)}
      sort="version"
      empty={<Empty title="No policies were ever activated" />}
    />
  );
}

function GoBack({ bundle: { version } }: { bundle: Bundle }): ReactNode {
  const [isOpen, dialog] = useDisclosure(false);
  const allowance = useAllowance();
  const input = { body: { version, sinceHours: WEEK_HOURS } };
  const replay = useControl('replayPolicies', input, { refresh: false, enabled: isOpen });
  return (
    <>
      <Button variant="default" size="compact-sm" {...allowance} onClick={dialog.open} className="above">
        Go back …
      </Button>
      <ActivationDialog
        opened={isOpen}
        title={`Go back to version ${version}?`}
        preview={{ data: replay.data, error: replay.error, again: () => void replay.refetch() }}
        run={async (message) => await control('rollbackPolicies', { body: { version, message } })}
        onClose={dialog.close}
      >
        The policies of version {version} become a new version. A configuration file that names a policy directory puts
        its own in force again when it is next loaded.
      </ActivationDialog>
    </>
  );
}
