import { Button, Group, Modal, Stack, Text, Textarea } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { type FormEvent, type ReactNode, useState } from 'react';
import { control } from '../client.ts';
import { useAllowance } from '../parts/allowance.ts';
import { Failure } from '../parts/failure.tsx';
import { useChange } from '../query.ts';
import type { Draft } from './draft.ts';

const LEAST_MESSAGE = 3;

/** Puts the draft in force, with a message for those who read the history. */
export function Activate({ draft }: { draft: Draft }): ReactNode {
  const [isOpen, dialog] = useDisclosure(false);
  const allowance = useAllowance();
  const [message, setMessage] = useState('');
  const activate = useChange(() =>
    control('activatePolicies', { body: { texts: draft.texts, message: message.trim() } }),
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    activate.mutate(undefined, {
      onSuccess: () => {
        draft.reset();
        dialog.close();
      },
    });
  };
  return (
    <>
      <Button {...allowance} disabled={allowance.disabled || draft.changed.length === 0} onClick={dialog.open}>
        Activate …
      </Button>
      <Modal opened={isOpen} onClose={dialog.close} title="Activate the draft?" centered>
        <form onSubmit={submit}>
          <Stack>
            <Text size="sm">
              Changed: {draft.changed.join(', ')}. The next request is decided by it, and open connections are decided
              again at once.
            </Text>
            <Textarea
              label="Message"
              description="Why, for those who read the history."
              required
              autosize
              minRows={2}
              maxLength={500}
              data-autofocus
              value={message}
              onChange={(event) => setMessage(event.currentTarget.value)}
            />
            <Failure error={activate.error} />
            <Group justify="flex-end">
              <Button variant="default" onClick={dialog.close}>
                Cancel
              </Button>
              <Button type="submit" loading={activate.isPending} disabled={message.trim().length < LEAST_MESSAGE}>
                Activate
              </Button>
            </Group>
          </Stack>
        </form>
      </Modal>
    </>
  );
}
