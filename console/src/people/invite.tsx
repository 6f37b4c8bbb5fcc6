import { Button, Group, Modal, Stack, TagsInput, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { type FormEvent, type ReactNode, useState } from 'react';
import { control } from '../client.ts';
import { useAllowance } from '../parts/allowance.ts';
import { Failure } from '../parts/failure.tsx';
import { useChange, useControl } from '../query.ts';
import { InvitationLink } from './invitation-link.tsx';

/** Invites a person and shows the one-time link. */
export function Invite(): ReactNode {
  const [isOpen, dialog] = useDisclosure(false);
  const allowance = useAllowance();
  return (
    <>
      <Button {...allowance} onClick={dialog.open}>
        Invite
      </Button>
      <Modal opened={isOpen} onClose={dialog.close} title="Invite a person" centered>
        <Form onClose={dialog.close} />
      </Modal>
    </>
  );
}

function Form({ onClose }: { onClose: () => void }): ReactNode {
  const [email, setEmail] = useState('');
  const [name, setName] = useState('');
  const [groups, setGroups] = useState<string[]>([]);
  const known = useControl('groups');
  const invite = useChange(() => control('invite', { body: { email: email.trim(), name: name.trim(), groups } }));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    invite.mutate();
  };
  if (invite.data !== undefined) {
    return (
      <Stack>
        <InvitationLink url={invite.data.url} email={email} expiresAt={invite.data.expiresAt} />
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
          label="E-mail"
          type="email"
          required
          data-autofocus
          value={email}
          onChange={(event) => setEmail(event.currentTarget.value)}
        />
        <TextInput
          label="Name"
          description="They can change it when they enrol."
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <TagsInput
          label="Groups"
          description="Without a group, most policies permit nothing."
          data={(known.data?.items ?? []).map(({ id }) => id)}
          value={groups}
          onChange={setGroups}
        />
        <Failure error={invite.error} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={invite.isPending}>
            Make the link
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
