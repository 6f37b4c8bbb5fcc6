import { Alert, Button, Group, List, Stack, TagsInput, Text } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { control } from '../client.ts';
import { Act } from '../parts/act.tsx';
import { LOOK_ONLY, useAllowance } from '../parts/allowance.ts';
import { State } from '../parts/badges.tsx';
import { Detail, Facts, Section } from '../parts/detail.tsx';
import { Failure } from '../parts/failure.tsx';
import { When } from '../parts/when.tsx';
import { useChange, useControl } from '../query.ts';
import { InvitationLink } from './invitation-link.tsx';
import { factorsText, RISK_TONES, STATUS_TONES, type User } from './user-text.ts';

/** One person: groups, factors, risk, and what an administrator can do. */
export function UserDetail({ user, onClose }: { user: User | undefined; onClose: () => void }): ReactNode {
  return (
    <Detail isOpen={user !== undefined} onClose={onClose} title={user === undefined ? '' : user.name || user.email}>
      {user !== undefined && <Body key={user.id} user={user} onGone={onClose} />}
    </Detail>
  );
}

function Body({ user, onGone }: { user: User; onGone: () => void }): ReactNode {
  const { risk, factors } = user;
  return (
    <Stack gap="lg">
      <Section title="Account">
        <Facts
          facts={[
            ['E-mail', user.email],
            [
              'Status',
              <State key="status" tone={STATUS_TONES[user.status]}>
                {user.status}
              </State>,
            ],
            ['Factors', factorsText(user)],
            ['Recovery codes', `${factors.recoveryCodesLeft} left`],
            ['Sessions', String(user.sessions)],
            ['Since', <When key="since" time={user.createdAt} />],
            [
              'Id',
              <span key="id" className="mono">
                {user.id}
              </span>,
            ],
          ]}
        />
      </Section>
      <Section title="Risk">
        <Group gap="sm">
          <State tone={RISK_TONES[risk.level]}>
            {risk.level} {Math.round(risk.score)} of 100
          </State>
          {risk.score > 0 && (
            <Act
              label="Clear the risk"
              question={`Clear the risk of ${user.email}?`}
              verb="Clear"
              run={() => control('clearRisk', { params: { id: `user:${user.id}` } })}
            >
              Do this when you know the cause. New findings raise it again.
            </Act>
          )}
        </Group>
        {risk.reasons.length > 0 && (
          <List size="sm" mt="xs">
            {risk.reasons.map((reason) => (
              <List.Item key={reason}>{reason}</List.Item>
            ))}
          </List>
        )}
      </Section>
      <Section title="Groups">
        <Groups user={user} />
      </Section>
      <Section title="Administration">
        <Administration user={user} onGone={onGone} />
      </Section>
    </Stack>
  );
}

function Groups({ user }: { user: User }): ReactNode {
  const [groups, setGroups] = useState<string[]>(user.groups);
  const allowance = useAllowance();
  const known = useControl('groups');
  const change = useChange(() => control('setUserGroups', { params: { id: user.id }, body: { groups } }));
  const isChanged = groups.join('\n') !== user.groups.join('\n');
  return (
    <Stack gap="xs">
      <TagsInput
        aria-label="Groups"
        description="Policies ask for groups. A change takes effect on the next request."
        data={(known.data?.items ?? []).map(({ id }) => id)}
        value={groups}
        onChange={setGroups}
        disabled={allowance.disabled}
      />
      <Failure error={change.error} />
      <Group>
        <Button
          size="compact-sm"
          {...allowance}
          disabled={!isChanged || allowance.disabled}
          loading={change.isPending}
          onClick={() => change.mutate()}
        >
          Save groups
        </Button>
      </Group>
    </Stack>
  );
}

function Administration({ user, onGone }: { user: User; onGone: () => void }): ReactNode {
  const [link, setLink] = useState<{ url: string; expiresAt: number }>();
  const params = { id: user.id };
  const { disabled } = useAllowance();
  const isDisabled = user.status === 'disabled';
  return (
    <Stack gap="sm">
      {link !== undefined && (
        <Alert color="blue" title="A new one-time link">
          <InvitationLink url={link.url} expiresAt={link.expiresAt} email={user.email} />
        </Alert>
      )}
      <Group gap="xs">
        {isDisabled ? (
          <Act
            label="Enable"
            question={`Enable ${user.email}?`}
            verb="Enable"
            run={() => control('enableUser', { params })}
          >
            They can sign in again with the factors they have.
          </Act>
        ) : (
          <Act
            label="Disable"
            question={`Disable ${user.email}?`}
            verb="Disable"
            danger
            run={() => control('disableUser', { params })}
          >
            Their sessions end and their open connections are cut at once.
          </Act>
        )}
        <Act
          label={user.status === 'invited' ? 'New link' : 'Reset factors'}
          question={user.status === 'invited' ? `A new link for ${user.email}?` : `Reset the factors of ${user.email}?`}
          verb={user.status === 'invited' ? 'Make a new link' : 'Reset'}
          danger={user.status !== 'invited'}
          run={async () => setLink(await control('resetUser', { params }))}
        >
          {user.status === 'invited'
            ? 'The old link stops working.'
            : 'Password, authenticator app, passkeys and recovery codes are removed, sessions end, and you get a one-time link to hand over.'}
        </Act>
        <Act
          label="Remove"
          question={`Remove ${user.email}?`}
          verb="Remove"
          danger
          run={() => control('removeUser', { params })}
          onDone={onGone}
        >
          The account is gone for good. The journal keeps what was done with it.
        </Act>
      </Group>
      <Text size="xs" c="dimmed">
        {disabled ? LOOK_ONLY : 'Everything done here is recorded in the journal.'}
      </Text>
    </Stack>
  );
}
