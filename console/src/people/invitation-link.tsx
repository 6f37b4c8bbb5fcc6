import { Button, CopyButton, Stack, Text, TextInput } from '@mantine/core';
import type { ReactNode } from 'react';
import { When } from '../parts/when.tsx';

/** A one-time link, to be handed to a person. It is shown only now. */
export function InvitationLink({
  url,
  email,
  expiresAt,
}: {
  url: string;
  email: string;
  expiresAt: number;
}): ReactNode {
  return (
    <Stack gap="xs">
      <TextInput
        label={`Link for ${email}`}
        description="It works once, and whoever has it can take the account: send it where only they read."
        readOnly
        value={url}
        onFocus={(event) => event.currentTarget.select()}
        data-testid="invitation-link"
      />
      <CopyButton value={url}>
        {({ copied, copy }) => <Button onClick={copy}>{copied ? 'Copied' : 'Copy the link'}</Button>}
      </CopyButton>
      <Text size="xs" c="dimmed">
        It ends <When time={expiresAt} />.
      </Text>
    </Stack>
  );
}
