import { Button, Group, Modal, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import type { ReactNode } from 'react';
import type { Draft } from './draft.ts';

/** Goes back to the policies in force, after asking: what was typed is kept nowhere else. */
export function Discard({ draft }: { draft: Draft }): ReactNode {
  const [isOpen, dialog] = useDisclosure(false);
  const discard = () => {
    draft.reset();
    dialog.close();
  };
  return (
    <>
      <Button variant="subtle" onClick={dialog.open}>
        Discard the draft
      </Button>
      <Modal opened={isOpen} onClose={dialog.close} title="Discard the draft?" centered>
        <Stack>
          <Text size="sm">The changes to {draft.changed.join(', ')} are gone for good.</Text>
          <Group justify="flex-end">
            <Button variant="default" onClick={dialog.close} data-autofocus>
              Keep it
            </Button>
            <Button color="red.9" onClick={discard}>
              Discard
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}
