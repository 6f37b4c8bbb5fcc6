import { Alert, Anchor, Button, Divider, PinInput, Stack, Text } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { identity } from '../client.ts';
import { Failure } from '../parts/failure.tsx';
import { continueAfterSignIn, Frame } from './frame.tsx';
import { addPasskey, confirmWithPasskey } from './passkey.ts';

/** Raises or refreshes the assurance of the session, then returns to where the person was. */
export function StepUp(): ReactNode {
  const profile = useQuery({ queryKey: ['profile'], queryFn: () => identity('profile'), refetchInterval: false });
  const client = useQueryClient();
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const wanted = new URLSearchParams(window.location.search).get('acr');

  const attempt = (work: () => Promise<unknown>) => {
    // The last digit sends the code by itself; Enter right after it must not send it again.
    if (busy) return;
    setBusy(true);
    setError(undefined);
    work()
      .catch(setError)
      .finally(() => setBusy(false));
  };
  const prove = (work: () => Promise<unknown>) => attempt(async () => await work().then(continueAfterSignIn));
  const add = () => attempt(async () => await addPasskey().then(() => client.invalidateQueries()));
  const { data } = profile;
  // A code renews a sign-in that was made with one; it does not stand in for a passkey.
  const takesCode = data?.factors.totp === true && data.session.acr === 'urn:cordon:aal2' && !needsPasskey(wanted);
  return (
    <Frame title="Confirm that it is you" subtitle={demandText(wanted)}>
      {data?.factors.passkeys === 0 ? (
        !takesCode && <AddPasskey busy={busy} onAdd={add} />
      ) : (
        <Button onClick={() => prove(confirmWithPasskey)} loading={busy || data === undefined} size="md">
          Use a passkey
        </Button>
      )}
      {takesCode && (
        <>
          {data.factors.passkeys > 0 && <Divider label="or" />}
          <Code onComplete={(code) => prove(async () => await identity('stepUpTotp', { body: { code } }))} />
        </>
      )}
      <Failure error={error ?? profile.error} />
    </Frame>
  );
}

function needsPasskey(acr: string | null): boolean {
  return acr !== null && acr !== 'urn:cordon:aal2' && acr !== 'urn:cordon:aal1';
}

function demandText(acr: string | null): string {
  if (acr === 'urn:cordon:aal3') return 'This asks for a security key, or a passkey that cannot leave its device.';
  return needsPasskey(acr) ? 'This asks for a passkey or a security key.' : 'This asks for a fresh sign-in.';
}

function AddPasskey({ busy, onAdd }: { busy: boolean; onAdd: () => void }): ReactNode {
  return (
    <>
      <Alert color="blue" title="There is no passkey on your account yet">
        Add one on this device or on a security key. Then confirm with it, and you go on to where you were.
      </Alert>
      <Button onClick={onAdd} loading={busy} size="md">
        Add a passkey
      </Button>
      <Text size="sm" c="dimmed">
        No device at hand that can keep one? <Anchor href="/">Back to your page</Anchor>
      </Text>
    </>
  );
}

function Code({ onComplete }: { onComplete: (code: string) => void }): ReactNode {
  const [code, setCode] = useState('');
  return (
    <Stack align="center">
      <Text size="sm">The six digits your authenticator app shows now</Text>
      <PinInput
        length={6}
        type="number"
        oneTimeCode
        aria-label="Code"
        getInputProps={(index) => ({ 'aria-label': `Digit ${index + 1}` })}
        value={code}
        onChange={setCode}
        onComplete={onComplete}
      />
    </Stack>
  );
}
