import { DataList, Drawer, Title } from '@mantine/core';
import { useWindowEvent } from '@mantine/hooks';
import type { ReactNode } from 'react';

/** The panel at the side that shows one thing in full. */
export function Detail({
  title,
  isOpen,
  onClose,
  children,
}: {
  title: ReactNode;
  isOpen: boolean;
  onClose: () => void;
  children: ReactNode;
}): ReactNode {
  // In the capture phase: a list that this very key closes still says that it is open.
  useWindowEvent(
    'keydown',
    (event) => {
      if (isOpen && isForDetail(event)) onClose();
    },
    { capture: true },
  );
  return (
    <Drawer
      opened={isOpen}
      onClose={onClose}
      closeOnEscape={false}
      position="right"
      size="min(640px, 100vw)"
      title={title}
      className="detail"
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {children}
    </Drawer>
  );
}

/** Escape closes what is uppermost: a list that is open or a dialog above the panel comes before the panel itself. */
function isForDetail({ key, isComposing, target }: KeyboardEvent): boolean {
  if (key !== 'Escape' || isComposing) return false;
  if (!(target instanceof HTMLElement)) return true;
  if (target.dataset['mantineStopPropagation'] === 'true') return false;
  const dialog = target.closest('[role="dialog"]');
  return dialog === null || dialog.closest('.detail') !== null;
}

/** A part of a detail with its heading. */
export function Section({ title, children }: { title: string; children: ReactNode }): ReactNode {
  return (
    <section className="detail-section">
      <Title order={3} size="h6" mb={6}>
        {title}
      </Title>
      {children}
    </section>
  );
}

/** Names and values, one below the other; what has no value is left out. */
export function Facts({ facts }: { facts: readonly (readonly [string, ReactNode])[] }): ReactNode {
  return (
    <DataList size="sm" gap={6} labelWidth="118px">
      {facts
        .filter(([, value]) => value !== undefined && value !== '')
        .map(([name, value]) => (
          <DataList.Item key={name}>
            <DataList.ItemLabel>{name}</DataList.ItemLabel>
            <DataList.ItemValue className="break">{value}</DataList.ItemValue>
          </DataList.Item>
        ))}
    </DataList>
  );
}
