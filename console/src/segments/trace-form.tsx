import { Alert, Autocomplete, Button, Group, NumberInput, Select, Stack, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { type FormEvent, type ReactNode, useState } from 'react';
import { type ControlOutput, control } from '../client.ts';
import { Failure, sentence } from '../parts/failure.tsx';
import { Prose } from '../parts/prose.tsx';

const HIGHEST_PORT = 65_535;

/** Answers one question: may this one connect to that one? */
export function TraceForm({ workloads }: { workloads: ControlOutput<'workloads'>['items'] }): ReactNode {
  const [from, setFrom] = useState('');
  const [to, setTo] = useState('');
  const [protocol, setProtocol] = useState<'tcp' | 'udp'>('tcp');
  const [port, setPort] = useState<number | string>(443);
  const trace = useMutation({
    mutationFn: () =>
      control('segmentsTrace', { query: { from: from.trim(), to: to.trim(), protocol, port: Number(port) } }),
  });
  const names = [...new Set(workloads.map(({ name }) => name))].sort();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    trace.mutate();
  };
  return (
    <Stack gap="md" maw={760}>
      <form onSubmit={submit}>
        <Stack gap="sm">
          <Group grow align="flex-start" preventGrowOverflow={false}>
            <Autocomplete
              label="From"
              placeholder="name, id or address"
              required
              data={names}
              limit={50}
              value={from}
              onChange={setFrom}
              data-search
              miw={200}
            />
            <Autocomplete
              label="To"
              placeholder="name, id or address"
              required
              data={names}
              limit={50}
              value={to}
              onChange={setTo}
              miw={200}
            />
          </Group>
          <Group align="flex-end" gap="sm">
            <Select
              label="Protocol"
              w={110}
              allowDeselect={false}
              data={['tcp', 'udp']}
              value={protocol}
              onChange={(value) => setProtocol(value === 'udp' ? 'udp' : 'tcp')}
            />
            <NumberInput
              label="Port"
              w={110}
              min={0}
              max={HIGHEST_PORT}
              allowDecimal={false}
              hideControls
              required
              value={port}
              onChange={setPort}
            />
            <Button type="submit" loading={trace.isPending}>
              Trace
            </Button>
          </Group>
        </Stack>
      </form>
      <Failure error={trace.error} />
      <div aria-live="polite">{trace.data !== undefined && <Answer trace={trace.data} />}</div>
      <Text size="xs" c="dimmed">
        In a terminal: <span className="mono">cordon segments trace FROM TO PORT</span>
      </Text>
    </Stack>
  );
}

function Answer({ trace }: { trace: ControlOutput<'segmentsTrace'> }): ReactNode {
  return (
    <Alert
      color={trace.allowed ? 'teal' : 'red'}
      title={`${trace.from} → ${trace.to}, ${trace.protocol} ${trace.port}: ${trace.allowed ? 'allowed' : 'denied'}`}
    >
      <Text size="sm">
        <Prose text={sentence(trace.reason)} />
      </Text>
      {trace.policies.map((id) => (
        <div key={id}>
          <Link to="/policies" search={{ q: id }} className="text-link mono">
            {id}
          </Link>
        </div>
      ))}
    </Alert>
  );
}
