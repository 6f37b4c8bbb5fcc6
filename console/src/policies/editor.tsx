import { Button, Group, Stack, Text, Textarea } from '@mantine/core';
import { type ReactNode, useRef, useState } from 'react';
import { type ApiProblem, type ControlOutput, control } from '../client.ts';
import { useUrlState } from '../parts/url-state.tsx';
import { Activate } from './activate.tsx';
import { Checked } from './checked.tsx';
import { Discard } from './discard.tsx';
import { useDraft } from './draft.ts';
import { Files } from './files.tsx';
import { Replay } from './replay.tsx';
import { useTask } from './use-task.ts';

/** Edit, check, replay, activate: in this order, and nothing takes effect before the last. */
export function Editor({ active }: { active: ControlOutput<'policies'> }): ReactNode {
  const [url, setUrl] = useUrlState();
  const draft = useDraft(active.version, active.texts);
  const [hours, setHours] = useState('168');
  const area = useRef<HTMLTextAreaElement>(null);
  const check = useTask(draft.texts, () => control('checkPolicies', { body: { texts: draft.texts } }));
  const replay = useTask(draft.texts, () =>
    control('replayPolicies', { body: { texts: draft.texts, sinceHours: Number(hours) } }),
  );
  const names = Object.keys(draft.texts).sort();
  const file = names.includes(url['file'] ?? '') ? (url['file'] ?? '') : (names[0] ?? '');
  const show = ({ source }: ApiProblem) => {
    if (source?.file !== undefined && names.includes(source.file)) setUrl({ file: source.file });
    // The text of another file is there after the next drawing.
    requestAnimationFrame(() => select(area.current, source?.line ?? 1, source?.column ?? 1));
  };
  return (
    <Stack gap="md">
      <Files draft={draft} names={names} selected={file} onSelect={(name) => setUrl({ file: name })} />
      <Textarea
        ref={area}
        label={file === '' ? 'Add a file first' : `Text of ${file}`}
        disabled={file === ''}
        autosize
        minRows={14}
        maxRows={34}
        spellCheck={false}
        classNames={{ input: 'code-input' }}
        value={draft.texts[file] ?? ''}
        onChange={(event) => draft.set({ ...draft.texts, [file]: event.currentTarget.value })}
      />
      <Group gap="xs">
        <Button variant="default" loading={check.isPending} onClick={() => check.run()}>
          Check
        </Button>
        <Button variant="default" loading={replay.isPending} onClick={() => replay.run()}>
          Replay
        </Button>
        <Activate draft={draft} replay={replay} />
        {draft.changed.length > 0 && <Discard draft={draft} />}
        <Text size="sm" c="dimmed">
          {draft.changed.length === 0 ? 'No changes yet' : `Changed: ${draft.changed.join(', ')}`}
        </Text>
      </Group>
      <Checked check={check} onPick={show} />
      <Replay replay={replay} hours={hours} onHours={setHours} onPick={show} />
    </Stack>
  );
}

function select(area: HTMLTextAreaElement | null, line: number, column: number): void {
  if (area === null) return;
  const lines = area.value.split('\n');
  const start = lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0) + column - 1;
  const lineEnd = start - (column - 1) + (lines[line - 1]?.length ?? 0);
  area.focus();
  area.setSelectionRange(start, Math.max(start, lineEnd));
}
