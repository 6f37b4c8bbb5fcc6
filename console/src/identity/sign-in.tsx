import { Anchor, Button, Divider, PasswordInput, PinInput, Stack, Text, TextInput } from '@mantine/core';
import { startAuthentication } from '@simplewebauthn/browser';
import { type FormEvent, type ReactNode, useState } from 'react';
import { identity } from '../client.ts';
import { Failure } from '../parts/failure.tsx';
import { continueAfterSignIn, Frame } from './frame.tsx';

type Factor = 'totp' | 'passkey' | 'recovery';

/** Runs a passkey ceremony for sign-in; with `pending` as the second factor after the password. */
async function passkeySignIn(pending?: string): Promise<void> {
  const { flow, options } = await identity('signInPasskeyOptions', { body: pending === undefined ? {} : { pending } });
  const response = await startAuthentication({
    optionsJSON: options as unknown as Parameters<typeof startAuthentication>[0]['optionsJSON'],
  });
  await identity('signInPasskey', { body: { flow, response: { ...response } } });
}

/** Sign-in: a passkey alone, or password and a second factor. There is no way with a password only. */
export function SignIn(): ReactNode {
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [pending, setPending] = useState<{ token: string; factors: readonly Factor[] }>();
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);

  const attempt = (work: () => Promise<void>) => {
    // The last digit sends the code by itself; Enter right after it must not send it again.
    if (busy) return;
    setBusy(true);
    setError(undefined);
    work()
      .catch(setError)
      .finally(() => setBusy(false));
  };
  const finish = (work: () => Promise<unknown>) =>
    attempt(async () => {
      await work();
      continueAfterSignIn();
    });
  const submitPassword = (event: FormEvent) => {
    event.preventDefault();
    attempt(async () => {
      const { pending: token, factors } = await identity('signInPassword', { body: { email, password } });
      setPending({ token, factors });
    });
  };

  if (pending !== undefined) {
    return (
      <SecondFactor
        factors={pending.factors}
        busy={busy}
        error={error}
        onTotp={(code) => finish(() => identity('signInTotp', { body: { pending: pending.token, code } }))}
        onRecovery={(code) => finish(() => identity('signInRecovery', { body: { pending: pending.token, code } }))}
        onPasskey={() => finish(() => passkeySignIn(pending.token))}
        onBack={() => {
          setPending(undefined);
          setError(undefined);
        }}
      />
    );
  }
  return (
    <Frame title="Sign in" subtitle="With a passkey, or with your password and a second factor.">
      <Button onClick={() => finish(() => passkeySignIn())} loading={busy} size="md">
        Sign in with a passkey
      </Button>
      <Divider label="or" />
      <form onSubmit={submitPassword}>
        <Stack>
          <TextInput
            label="E-mail"
            type="email"
            autoComplete="username"
            required
            value={email}
            onChange={(event) => setEmail(event.currentTarget.value)}
          />
          <PasswordInput
            label="Password"
            autoComplete="current-password"
            required
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
          />
          <Failure error={error} />
          <Button type="submit" variant="default" loading={busy}>
            Continue
          </Button>
        </Stack>
      </form>
    </Frame>
  );
}

interface SecondFactorProps {
  readonly factors: readonly Factor[];
  readonly busy: boolean;
  readonly error: unknown;
  readonly onTotp: (code: string) => void;
  readonly onRecovery: (code: string) => void;
  readonly onPasskey: () => void;
  readonly onBack: () => void;
}

function SecondFactor({ factors, busy, error, onTotp, onRecovery, onPasskey, onBack }: SecondFactorProps): ReactNode {
  const [code, setCode] = useState('');
  const [recovery, setRecovery] = useState('');
  const [usesRecovery, setUsesRecovery] = useState(!factors.includes('totp') && !factors.includes('passkey'));
  return (
    <Frame title="Second factor" subtitle="Confirm that it is you.">
      {factors.includes('passkey') && (
        <Button onClick={onPasskey} loading={busy}>
          Use a passkey
        </Button>
      )}
      {factors.includes('totp') && !usesRecovery && (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            onTotp(code);
          }}
        >
          <Stack align="center">
            <Text size="sm">The six digits your authenticator app shows now</Text>
            <PinInput
              length={6}
              type="number"
              oneTimeCode
              autoFocus
              aria-label="Code"
              getInputProps={(index) => ({ 'aria-label': `Digit ${index + 1}` })}
              value={code}
              onChange={setCode}
              onComplete={onTotp}
            />
            <Button type="submit" fullWidth loading={busy} disabled={code.length !== 6}>
              Confirm
            </Button>
          </Stack>
        </form>
      )}
      {usesRecovery && (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            onRecovery(recovery);
          }}
        >
          <Stack>
            <TextInput
              label="Recovery code"
              autoComplete="off"
              value={recovery}
              onChange={(event) => setRecovery(event.currentTarget.value)}
            />
            <Button type="submit" loading={busy} disabled={recovery.length < 6}>
              Use it up
            </Button>
          </Stack>
        </form>
      )}
      <Failure error={error} />
      {factors.includes('recovery') && !usesRecovery && (
        <Anchor component="button" type="button" size="sm" onClick={() => setUsesRecovery(true)}>
          Use a recovery code instead
        </Anchor>
      )}
      <Anchor component="button" type="button" size="sm" onClick={onBack}>
        Start over
      </Anchor>
    </Frame>
  );
}
