import { Button, Group, Loader, Modal, Stack, Text, Textarea } from '@mantine/core';
import { type FormEvent, type ReactNode, useState } from 'react';
import type { ControlOutput } from '../client.ts';
import { Failure } from '../parts/failure.tsx';
import { useChange } from '../query.ts';
import { ReplayAnswer } from './replay.tsx';

const LEAST_MESSAGE = 3;

/** The replay that a person has to see first. */
interface Preview {
  readonly data: ControlOutput<'replayPolicies'> | undefined;
  readonly error: Error | null;
  readonly again: () => void;
}

/** Asks for a message before policies become active, and only after it was shown who would gain and lose what. */
export function ActivationDialog({
  opened,
  title,
  children,
  preview,
  run,
  onClose,
  onDone,
}: {
  opened: boolean;
  title: string;
  children: ReactNode;
  preview: Preview;
  run: (message: string) => Promise<unknown>;
  onClose: () => void;
  onDone?: () => void;
}): ReactNode {
  const [message, setMessage] = useState('');
  const activate = useChange(run);
  const close = () => {
    activate.reset();
    onClose();
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    activate.mutate(message.trim(), {
      onSuccess: () => {
        close();
        onDone?.();
      },
    });
  };
  return (
    <Modal opened={opened} onClose={close} title={title} centered size="lg">
      <form onSubmit={submit}>
        <Stack>
          <Text size="sm">{children}</Text>
          <Shown preview={preview} />
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
            <Button variant="default" onClick={close}>
              Cancel
            </Button>
            <Button
              type="submit"
              loading={activate.isPending}
              disabled={preview.data === undefined || message.trim().length < LEAST_MESSAGE}
            >
              Activate
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

function Shown({ preview: { data, error, again } }: { preview: Preview }): ReactNode {
  if (data !== undefined) return <ReplayAnswer report={data} isOutdated={false} />;
  if (error === null) {
    return (
      <Group gap="xs" role="status">
        <Loader size="xs" />
        <Text size="sm">Deciding the journalled requests again …</Text>
      </Group>
    );
  }
  return (
    <Stack gap="xs">
      <Failure error={error} />
      <Group>
        <Button variant="default" size="compact-sm" onClick={again}>
          Replay again
        </Button>
      </Group>
    </Stack>
  );
}
