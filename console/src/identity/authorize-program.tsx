import { Alert, Button, Code, CopyButton, Group, Stack, Table, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import type { BodyOf, IDENTITY_ROUTES, ResponseOf } from '#contract';
import { identity } from '../client.ts';
import { Failure, sentence } from '../parts/failure.tsx';
import { Name, Prose } from '../parts/prose.tsx';
import { When } from '../parts/when.tsx';
import { Frame } from './frame.tsx';

type Asked = BodyOf<(typeof IDENTITY_ROUTES)['allowProgram']>;
type Described = ResponseOf<(typeof IDENTITY_ROUTES)['describeProgram']>;

/** What the link asks for; what is wrong with it is for the server to say. */
function asked(): Asked {
  const query = new URLSearchParams(window.location.search);
  const text = (name: string): string => query.get(name) ?? '';
  const [redirect, jkt] = [query.get('redirect'), query.get('jkt')];
  return {
    host: text('host'),
    challenge: text('challenge'),
    form: text('form') === 'bearer' ? 'bearer' : 'dpop',
    name: text('name'),
    ...(redirect === null ? {} : { redirect }),
    ...(jkt === null ? {} : { jkt }),
  };
}

/** Asks the person whether a program may open an app as them. Nothing is given before they press the button. */
export function AuthorizeProgram(): ReactNode {
  const [wanted] = useState(asked);
  const described = useQuery({
    queryKey: ['program', wanted],
    queryFn: () => identity('describeProgram', { body: wanted }),
    refetchInterval: false,
    retry: false,
  });
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const [code, setCode] = useState<string>();
  const [refused, setRefused] = useState(false);

  const allow = () => {
    if (busy) return;
    setBusy(true);
    setError(undefined);
    identity('allowProgram', { body: wanted })
      .then((allowed) => {
        setCode(allowed.code);
        if (allowed.location !== undefined) window.location.assign(allowed.location);
      })
      .catch(setError)
      .finally(() => setBusy(false));
  };
  const { data } = described;
  if (data === undefined || refused) {
    const title = refused ? 'Nothing was given' : described.error === null ? 'One moment …' : 'This cannot be allowed';
    return (
      <Frame title={title} {...(refused ? { subtitle: 'The program learns nothing. You can close this page.' } : {})}>
        <Failure error={described.error} />
      </Frame>
    );
  }
  if (code !== undefined) return <Carry code={code} />;
  const refuse = () => {
    if (data.refusal === undefined) setRefused(true);
    else window.location.assign(data.refusal);
  };
  return (
    <Frame
      title={`Let a program open ${data.app.name}?`}
      subtitle={
        data.refusal === undefined
          ? 'It runs where you started it, and may do there as you whatever you may.'
          : 'It runs on this computer, and may do there as you whatever you may.'
      }
    >
      <Facts described={data} />
      {data.effect === 'forbid' && (
        <Alert color="yellow" title="Cordon would not let you open it now">
          <Prose text={sentence(data.reason)} />
        </Alert>
      )}
      <Alert color="blue" title="Did you start it yourself, just now?">
        {data.refusal === undefined
          ? 'If somebody sent you this link, or asks you for a code, refuse: they would open the app as you.'
          : 'If not, refuse. Nothing happens.'}
      </Alert>
      <Failure error={error} />
      <Group grow>
        <Button variant="default" onClick={refuse} disabled={busy}>
          Refuse
        </Button>
        <Button onClick={allow} loading={busy}>
          Allow
        </Button>
      </Group>
    </Frame>
  );
}

function Facts({ described: { name, app, email, form, expiresAt } }: { described: Described }): ReactNode {
  return (
    <Table aria-label="What the program gets" variant="vertical" layout="fixed">
      <Table.Tbody>
        <Fact what="Program">{name}</Fact>
        <Fact what="Opens">
          <Name text={app.url} />
        </Fact>
        <Fact what="As">{email}</Fact>
        <Fact what="Ends">
          <When time={expiresAt} />
        </Fact>
        <Fact what="Its token">
          {form === 'dpop' ? 'works only together with a key of the program' : 'works for whoever holds it'}
        </Fact>
      </Table.Tbody>
    </Table>
  );
}

function Fact({ what, children }: { what: string; children: ReactNode }): ReactNode {
  return (
    <Table.Tr>
      <Table.Th w={110} scope="row">
        {what}
      </Table.Th>
      <Table.Td className="break">{children}</Table.Td>
    </Table.Tr>
  );
}

function Carry({ code }: { code: string }): ReactNode {
  return (
    <Frame
      title="Your code"
      subtitle="Paste it into the terminal where you started the program. It works once, within three minutes."
    >
      <Stack>
        <Code block className="break" data-testid="program-code">
          {code}
        </Code>
        <CopyButton value={code}>
          {({ copied, copy }) => (
            <Button variant="default" onClick={copy}>
              {copied ? 'Copied' : 'Copy'}
            </Button>
          )}
        </CopyButton>
        <Text size="sm" c="dimmed">
          Give it to nobody: whoever has it, and started the program, opens the app as you.
        </Text>
      </Stack>
    </Frame>
  );
}
