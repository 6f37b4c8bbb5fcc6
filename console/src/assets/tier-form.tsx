import { Alert, Button, Group, SegmentedControl, Select, Stack, Text, Textarea } from '@mantine/core';
import { type FormEvent, type ReactNode, useState } from 'react';
import { type ControlOutput, control } from '../client.ts';
import { Act } from '../parts/act.tsx';
import { useAllowance } from '../parts/allowance.ts';
import { TIERS } from '../parts/badges.tsx';
import { Failure } from '../parts/failure.tsx';
import { When } from '../parts/when.tsx';
import { useChange } from '../query.ts';

type Asset = ControlOutput<'asset'>;

const EXPIRIES = [
  { value: '8', label: 'in 8 hours' },
  { value: '24', label: 'in a day' },
  { value: '168', label: 'in a week' },
  { value: '720', label: 'in 30 days' },
  { value: '', label: 'never' },
];
const LEAST_REASON = 3;

/** Sets the tier by hand, with a reason and an end, or goes back to the computed one. */
export function TierForm({ asset }: { asset: Asset }): ReactNode {
  const [isOpen, setOpen] = useState(false);
  const [wasOpen, setWasOpen] = useState(false);
  const allowance = useAllowance();
  const { override } = asset;
  return (
    <Stack gap="xs" mt="xs">
      {override !== undefined && (
        <Alert color="blue" title={`Set to T${override.tier} by hand`}>
          <Text size="sm">{override.reason}</Text>
          <Text size="xs" mt={4}>
            {override.by}, <When time={override.at} />
            {override.expiresAt === undefined ? (
              '; without an end'
            ) : (
              <>
                ; ends <When time={override.expiresAt} />
              </>
            )}
          </Text>
        </Alert>
      )}
      {isOpen ? (
        <Form
          asset={asset}
          onDone={() => {
            setOpen(false);
            setWasOpen(true);
          }}
        />
      ) : (
        <Group gap="xs">
          <Button variant="default" size="compact-sm" {...allowance} autoFocus={wasOpen} onClick={() => setOpen(true)}>
            Set the tier by hand
          </Button>
          {override !== undefined && (
            <Act
              label="Go back to the computed tier"
              question={`Go back to T${asset.computedTier}?`}
              verb="Go back"
              run={() => control('clearTier', { params: { id: asset.id } })}
            >
              What the tier demands applies to the next request, and to connections that are open now.
            </Act>
          )}
        </Group>
      )}
    </Stack>
  );
}

function Form({ asset, onDone }: { asset: Asset; onDone: () => void }): ReactNode {
  const [tier, setTier] = useState(String(asset.tier));
  const [reason, setReason] = useState('');
  const [hours, setHours] = useState('168');
  const change = useChange(() =>
    control('setTier', {
      params: { id: asset.id },
      body: { tier: Number(tier), reason: reason.trim(), ...(hours === '' ? {} : { expiresInHours: Number(hours) }) },
    }),
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate(undefined, { onSuccess: onDone });
  };
  return (
    <form onSubmit={submit} className="inset">
      <Stack gap="sm">
        <div>
          <Text size="sm" fw={500} mb={4} id="tier-label">
            Tier
          </Text>
          <SegmentedControl
            fullWidth
            aria-labelledby="tier-label"
            value={tier}
            onChange={setTier}
            data={TIERS.map((item) => ({ value: String(item.tier), label: `T${item.tier}` }))}
          />
          <Text size="xs" c="dimmed" mt={4}>
            {TIERS[Number(tier)]?.name}. It takes effect at once: open connections are decided again.
          </Text>
        </div>
        <Textarea
          label="Reason"
          required
          autosize
          minRows={2}
          maxLength={500}
          autoFocus
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        <Select
          label="Ends"
          allowDeselect={false}
          data={EXPIRIES}
          value={hours}
          onChange={(value) => setHours(value ?? '')}
        />
        <Failure error={change.error} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onDone}>
            Cancel
          </Button>
          <Button type="submit" loading={change.isPending} disabled={reason.trim().length < LEAST_REASON}>
            Set T{tier}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
