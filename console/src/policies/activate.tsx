import { Button } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import type { ReactNode } from 'react';
import { type ControlOutput, control } from '../client.ts';
import { useAllowance } from '../parts/allowance.ts';
import { ActivationDialog } from './activation-dialog.tsx';
import type { Draft } from './draft.ts';
import type { Task } from './use-task.ts';

/** Puts the draft in force, after showing who would gain and lose what. */
export function Activate({
  draft,
  replay,
}: {
  draft: Draft;
  replay: Task<ControlOutput<'replayPolicies'>>;
}): ReactNode {
  const [isOpen, dialog] = useDisclosure(false);
  const allowance = useAllowance();
  const isShown = replay.data !== undefined && !replay.isOutdated;
  const open = () => {
    if (!isShown) replay.run();
    dialog.open();
  };
  return (
    <>
      <Button {...allowance} disabled={allowance.disabled || draft.changed.length === 0} onClick={open}>
        Activate …
      </Button>
      <ActivationDialog
        opened={isOpen}
        title="Activate the draft?"
        preview={{ data: isShown ? replay.data : undefined, error: replay.error, again: replay.run }}
        run={async (message) => await control('activatePolicies', { body: { texts: draft.texts, message } })}
        onClose={dialog.close}
        onDone={draft.reset}
      >
        Changed: {draft.changed.join(', ')}. The tests of the bundle are run first. The next request is decided by it,
        and open connections are decided again at once.
      </ActivationDialog>
    </>
  );
}
