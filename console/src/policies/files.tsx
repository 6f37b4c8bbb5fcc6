import { Button, Group, Tabs, TextInput } from '@mantine/core';
import { type FormEvent, type ReactNode, useState } from 'react';
import type { Draft } from './draft.ts';

const ENDING = '.cedar';
/** Tests lie beside the policies and travel with them. */
const TEST_ENDING = '.cedartest.yaml';

/** The files of the bundle: choose, add, remove. */
export function Files({
  draft,
  names,
  selected,
  onSelect,
}: {
  draft: Draft;
  names: readonly string[];
  selected: string;
  onSelect: (name: string) => void;
}): ReactNode {
  const [name, setName] = useState('');
  const add = (event: FormEvent) => {
    event.preventDefault();
    const trimmed = name.trim();
    const full = trimmed.endsWith(ENDING) || trimmed.endsWith(TEST_ENDING) ? trimmed : `${trimmed}${ENDING}`;
    if (!names.includes(full)) draft.set({ ...draft.texts, [full]: '' });
    onSelect(full);
    setName('');
  };
  const remove = () => {
    const { [selected]: _removed, ...rest } = draft.texts;
    draft.set(rest);
  };
  return (
    <Group justify="space-between" gap="xs" align="flex-end">
      <Tabs variant="pills" value={selected} onChange={(next) => onSelect(next ?? '')}>
        <Tabs.List aria-label="Files">
          {names.map((file) => (
            <Tabs.Tab key={file} value={file} className="mono">
              {file}
              {draft.changed.includes(file) && <span title="changed"> •</span>}
            </Tabs.Tab>
          ))}
        </Tabs.List>
      </Tabs>
      <Group gap="xs">
        <form onSubmit={add}>
          <Group gap="xs" wrap="nowrap">
            <TextInput
              aria-label="Name of a new file"
              placeholder="new-file.cedar"
              w={160}
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
            />
            <Button type="submit" variant="default" disabled={name.trim() === ''}>
              Add
            </Button>
          </Group>
        </form>
        <Button variant="default" disabled={selected === '' || names.length < 2} onClick={remove}>
          Remove file
        </Button>
      </Group>
    </Group>
  );
}
