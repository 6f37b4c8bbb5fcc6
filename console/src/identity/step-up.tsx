import { Button, Divider, PinInput, Stack, Text } from '@mantine/core';
import { startAuthentication } from '@simplewebauthn/browser';
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { identity } from '../client.ts';
import { Failure } from '../parts/failure.tsx';
import { continueAfterSignIn, Frame } from './frame.tsx';

/** Raises or refreshes the assurance of the session, then returns to where the person was. */
export function StepUp(): ReactNode {
  const profile = useQuery({ queryKey: ['profile'], queryFn: () => identity('profile'), refetchInterval: false });
  const [code, setCode] = useState('');
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const wanted = new URLSearchParams(window.location.search).get('acr');
  const needsPasskey = wanted !== null && wanted !== 'urn:cordon:aal2' && wanted !== 'urn:cordon:aal1';

  const attempt = (work: () => Promise<unknown>) => {
    // The last digit sends the code by itself; Enter right after it must not send it again.
    if (busy) return;
    setBusy(true);
    setError(undefined);
    work()
      .then(continueAfterSignIn)
      .catch(setError)
      .finally(() => setBusy(false));
  };
  const passkey = () =>
    attempt(async () => {
      const { flow, options } = await identity('stepUpPasskeyOptions', { body: {} });
      const response = await startAuthentication({
        optionsJSON: options as unknown as Parameters<typeof startAuthentication>[0]['optionsJSON'],
      });
      await identity('stepUpPasskey', { body: { flow, response: { ...response } } });
    });
  return (
    <Frame
      title="Confirm that it is you"
      subtitle={needsPasskey ? 'This app asks for a passkey or security key.' : 'This app asks for a fresh sign-in.'}
    >
      {profile.data?.factors.passkeys === 0 && needsPasskey && (
        <Text size="sm">You have no passkey yet. Add one on your page, then open the app again.</Text>
      )}
      <Button onClick={passkey} loading={busy} size="md">
        Use a passkey
      </Button>
      {!needsPasskey && profile.data?.factors.totp === true && (
        <>
          <Divider label="or" />
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
              onComplete={(value) => attempt(() => identity('stepUpTotp', { body: { code: value } }))}
            />
          </Stack>
        </>
      )}
      <Failure error={error ?? profile.error} />
    </Frame>
  );
}
