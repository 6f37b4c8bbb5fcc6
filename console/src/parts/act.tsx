import { Button, type ButtonProps, Group, Modal, Stack, Text, Textarea } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { type FormEvent, type ReactNode, useState } from 'react';
import { useChange } from '../query.ts';
import { useAllowance } from './allowance.ts';
import { Failure } from './failure.tsx';

interface ActProps {
  /** What the button says. */
  readonly label: string;
  /** The question of the dialog. */
  readonly question: string;
  /** What happens if the answer is yes. */
  readonly children?: ReactNode;
  /** The word on the button that does it. */
  readonly verb: string;
  /** True for what cannot be undone. */
  readonly danger?: boolean;
  /** Asks for a reason, which is recorded. */
  readonly asksReason?: boolean;
  readonly run: (reason: string) => Promise<unknown>;
  readonly onDone?: () => void;
  readonly size?: ButtonProps['size'];
}

const LEAST_REASON = 3;

/** A button that asks before it changes something. Without the right to manage it is there, but disabled, and says why. */
export function Act({ label, question, children, verb, danger, asksReason, run, onDone, size }: ActProps): ReactNode {
  const [isOpen, dialog] = useDisclosure(false);
  const [reason, setReason] = useState('');
  const allowance = useAllowance();
  const change = useChange(run);
  const close = () => {
    dialog.close();
    change.reset();
    setReason('');
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate(reason.trim(), {
      onSuccess: () => {
        close();
        onDone?.();
      },
    });
  };
  return (
    <>
      <Button variant="default" size={size ?? 'compact-sm'} {...allowance} onClick={dialog.open} className="above">
        {label}
      </Button>
      <Modal opened={isOpen} onClose={close} title={question} centered>
        <form onSubmit={submit}>
          <Stack>
            {children !== undefined && <Text size="sm">{children}</Text>}
            {asksReason === true && (
              <Textarea
                label="Reason"
                description="It is recorded in the journal."
                required
                autosize
                minRows={2}
                maxLength={500}
                data-autofocus
                value={reason}
                onChange={(event) => setReason(event.currentTarget.value)}
              />
            )}
            <Failure error={change.error} />
            <Group justify="flex-end">
              <Button variant="default" onClick={close}>
                Cancel
              </Button>
              <Button
                type="submit"
                loading={change.isPending}
                color={danger === true ? 'red.9' : 'blue'}
                disabled={asksReason === true && reason.trim().length < LEAST_REASON}
              >
                {verb}
              </Button>
            </Group>
          </Stack>
        </form>
      </Modal>
    </>
  );
}
