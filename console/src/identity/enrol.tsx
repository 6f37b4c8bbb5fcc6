import {
  Alert,
  Button,
  Code,
  CopyButton,
  Divider,
  Group,
  List,
  PasswordInput,
  PinInput,
  Stack,
  Stepper,
  Text,
  TextInput,
} from '@mantine/core';
import { startRegistration } from '@simplewebauthn/browser';
import { type FormEvent, type ReactNode, useEffect, useState } from 'react';
import type { IDENTITY_ROUTES, ResponseOf } from '#contract';
import { identity } from '../client.ts';
import { Failure } from '../parts/failure.tsx';
import { continueAfterSignIn, Frame } from './frame.tsx';

type State = ResponseOf<(typeof IDENTITY_ROUTES)['setPassword']>;

/** The link's token stands in the fragment, so that it reaches no server log and no Referer header. */
function linkToken(): string {
  return window.location.hash.replace(/^#/, '');
}

/** Enrolment by one-time link: name and password, an authenticator app or a passkey, recovery codes. */
export function Enrol(): ReactNode {
  const [token] = useState(linkToken);
  const [enrolment, setEnrolment] = useState('');
  const [state, setState] = useState<State>();
  const [codes, setCodes] = useState<readonly string[]>();
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);

  useEffect(() => {
    identity('openInvitation', { body: { token } })
      .then((opened) => {
        setEnrolment(opened.enrolment);
        setState(opened);
      })
      .catch(setError);
  }, [token]);

  const attempt = (work: () => Promise<State | undefined>) => {
    // The last digit sends the code by itself; pressing Confirm right after it must not send it again.
    if (busy) return;
    setBusy(true);
    setError(undefined);
    work()
      .then((next) => {
        if (next !== undefined) setState(next);
      })
      .catch(setError)
      .finally(() => setBusy(false));
  };
  const finish = () => {
    setBusy(true);
    setError(undefined);
    identity('finishEnrolment', { body: { enrolment } })
      .then(({ recoveryCodes }) => setCodes(recoveryCodes))
      .catch(setError)
      .finally(() => setBusy(false));
  };

  if (codes !== undefined) return <RecoveryCodes codes={codes} />;
  if (state === undefined) {
    return (
      <Frame title="Your account" subtitle={error === undefined ? 'Opening your link …' : 'This link cannot be used.'}>
        <Failure error={error} />
      </Frame>
    );
  }
  const hasFactor = state.hasTotp || state.passkeys > 0;
  const step = !state.hasPassword ? 0 : hasFactor ? 2 : 1;
  return (
    <Frame
      title={state.isFirstAdministrator ? 'The first administrator' : 'Your account'}
      subtitle="Nothing is active until a second factor is enrolled."
    >
      <Stepper active={step} size="xs" iconSize={24} wrap={false} className="steps">
        <Stepper.Step label="Password" />
        <Stepper.Step label="Second factor" />
        <Stepper.Step label="Recovery" />
      </Stepper>
      {step === 0 && (
        <ProfileForm
          state={state}
          busy={busy}
          onSubmit={(body) => attempt(() => identity('setPassword', { body: { enrolment, ...body } }))}
        />
      )}
      {step >= 1 && <Factors enrolment={enrolment} state={state} busy={busy} attempt={attempt} />}
      <Failure error={error} />
      {step === 2 && (
        <Button onClick={finish} loading={busy}>
          Finish and show recovery codes
        </Button>
      )}
    </Frame>
  );
}

interface Profile {
  readonly name: string;
  readonly password: string;
  readonly email?: string;
}

function ProfileForm({
  state,
  busy,
  onSubmit,
}: {
  state: State;
  busy: boolean;
  onSubmit: (profile: Profile) => void;
}): ReactNode {
  const [name, setName] = useState(state.name);
  const [email, setEmail] = useState(state.email);
  const [password, setPassword] = useState('');
  const needsEmail = state.email === '';
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onSubmit({ name, password, ...(needsEmail ? { email } : {}) });
  };
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput
          label="E-mail"
          type="email"
          autoComplete="username"
          required
          disabled={!needsEmail}
          value={email}
          onChange={(event) => setEmail(event.currentTarget.value)}
        />
        <TextInput
          label="Name"
          autoComplete="name"
          required
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <PasswordInput
          label="Password"
          description="At least 8 characters; a few words are fine. No rules about digits and signs."
          autoComplete="new-password"
          required
          minLength={8}
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
        />
        <Button type="submit" loading={busy}>
          Continue
        </Button>
      </Stack>
    </form>
  );
}

interface FactorsProps {
  readonly enrolment: string;
  readonly state: State;
  readonly busy: boolean;
  readonly attempt: (work: () => Promise<State | undefined>) => void;
}

function Factors({ enrolment, state, busy, attempt }: FactorsProps): ReactNode {
  const addPasskey = () =>
    attempt(async () => {
      const { options } = await identity('beginPasskey', { body: { enrolment } });
      const response = await startRegistration({
        optionsJSON: options as unknown as Parameters<typeof startRegistration>[0]['optionsJSON'],
      });
      return await identity('confirmPasskey', { body: { enrolment, response: { ...response } } });
    });
  return (
    <Stack>
      {state.passkeys > 0 && (
        <Alert color="green" role="status">
          {state.passkeys === 1 ? 'A passkey is enrolled.' : `${state.passkeys} passkeys are enrolled.`}
        </Alert>
      )}
      {state.hasTotp && (
        <Alert color="green" role="status">
          An authenticator app is enrolled.
        </Alert>
      )}
      <Button variant={state.passkeys > 0 ? 'default' : 'filled'} onClick={addPasskey} loading={busy}>
        {state.passkeys > 0 ? 'Add another passkey' : 'Add a passkey (recommended)'}
      </Button>
      {!state.hasTotp && (
        <>
          <Divider label="or" />
          <AuthenticatorApp enrolment={enrolment} busy={busy} attempt={attempt} />
        </>
      )}
    </Stack>
  );
}

function AuthenticatorApp({ enrolment, busy, attempt }: Omit<FactorsProps, 'state'>): ReactNode {
  const [totp, setTotp] = useState<{ secret: string; uri: string; qrSvg: string }>();
  const [code, setCode] = useState('');
  if (totp === undefined) {
    return (
      <Button
        variant="default"
        loading={busy}
        onClick={() =>
          attempt(async () => {
            setTotp(await identity('beginTotp', { body: { enrolment } }));
            return undefined;
          })
        }
      >
        Use an authenticator app
      </Button>
    );
  }
  const confirm = (value: string) => attempt(() => identity('confirmTotp', { body: { enrolment, code: value } }));
  return (
    <Stack align="center" gap="sm">
      <Text size="sm">Scan this with your authenticator app, then type the six digits it shows.</Text>
      {/* The picture is drawn by our own server from the secret it has just made. */}
      <img
        src={`data:image/svg+xml;utf8,${encodeURIComponent(totp.qrSvg)}`}
        alt="QR code with the authenticator secret"
        width={200}
        height={200}
        className="qr"
      />
      <Text size="xs" c="dimmed">
        Or type the secret: <Code data-testid="totp-secret">{totp.secret}</Code>
      </Text>
      <PinInput
        length={6}
        type="number"
        oneTimeCode
        aria-label="Code"
        getInputProps={(index) => ({ 'aria-label': `Digit ${index + 1}` })}
        value={code}
        onChange={setCode}
        onComplete={confirm}
      />
      <Button fullWidth loading={busy} disabled={code.length !== 6} onClick={() => confirm(code)}>
        Confirm
      </Button>
    </Stack>
  );
}

function RecoveryCodes({ codes }: { codes: readonly string[] }): ReactNode {
  return (
    <Frame
      title="Recovery codes"
      subtitle="Each works once, if you lose your second factor. They are shown only now: print them or put them in your password manager."
    >
      <List listStyleType="none" data-testid="recovery-codes">
        {codes.map((code) => (
          <List.Item key={code}>
            <Code>{code}</Code>
          </List.Item>
        ))}
      </List>
      <Group grow preventGrowOverflow={false}>
        <CopyButton value={codes.join('\n')}>
          {({ copied, copy }) => (
            <Button variant="default" onClick={copy}>
              {copied ? 'Copied' : 'Copy'}
            </Button>
          )}
        </CopyButton>
        <Button onClick={continueAfterSignIn}>I have saved them</Button>
      </Group>
    </Frame>
  );
}
