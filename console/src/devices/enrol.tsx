import { Button, Group, Modal, Stack, TagsInput, Text, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { type FormEvent, type ReactNode, useState } from 'react';
import { control } from '../client.ts';
import { useAllowance } from '../parts/allowance.ts';
import { Command } from '../parts/empty.tsx';
import { Failure } from '../parts/failure.tsx';
import { When } from '../parts/when.tsx';
import { useChange } from '../query.ts';

const PAIR = /^[^=\s]+=.*$/;

/** Makes a single-use token and shows the command to run on the device. */
export function Enrol(): ReactNode {
  const [isOpen, dialog] = useDisclosure(false);
  const allowance = useAllowance();
  return (
    <>
      <Button {...allowance} onClick={dialog.open}>
        Enrol a device
      </Button>
      <Modal opened={isOpen} onClose={dialog.close} title="Enrol a device" centered size="lg">
        <Form onClose={dialog.close} />
      </Modal>
    </>
  );
}

function Form({ onClose }: { onClose: () => void }): ReactNode {
  const [name, setName] = useState('');
  const [owner, setOwner] = useState('');
  const [pairs, setPairs] = useState<string[]>([]);
  const wrong = pairs.filter((pair) => !PAIR.test(pair));
  const enrol = useChange(() =>
    control('enrolDevice', {
      body: {
        labels: labelsOf(pairs),
        ...(name.trim() === '' ? {} : { name: name.trim() }),
        ...(owner.trim() === '' ? {} : { ownerEmail: owner.trim() }),
      },
    }),
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    enrol.mutate();
  };
  if (enrol.data !== undefined) {
    return (
      <Stack>
        <Text size="sm">
          Run this as root on the device. It works once and ends <When time={enrol.data.expiresAt} />; it is shown only
          now.
        </Text>
        <Command text={enrol.data.command} />
        <Text size="sm">Then start the agent:</Text>
        <Command text="cordon agent run" />
        <Button variant="default" onClick={onClose}>
          Done
        </Button>
      </Stack>
    );
  }
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput
          label="Name"
          description="Empty: the host's own name."
          data-autofocus
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <TextInput
          label="Owner's e-mail"
          description="For a person's own device. Empty: a server."
          type="email"
          value={owner}
          onChange={(event) => setOwner(event.currentTarget.value)}
        />
        <TagsInput
          label="Labels"
          description="As key=value; segments select workloads by them. Press Enter after each."
          placeholder="role=web"
          value={pairs}
          onChange={setPairs}
          error={wrong.length === 0 ? undefined : `not key=value: ${wrong.join(', ')}`}
        />
        <Failure error={enrol.error} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={enrol.isPending} disabled={wrong.length > 0}>
            Make a token
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function labelsOf(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}
