import assert from 'node:assert/strict';
import { request as ask } from 'node:http';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { JournalListener } from '#journal';
import { buildEvent, type OcsfEvent } from '#model';
import { started } from '../testdata/started.ts';
import { countEvents } from './counted.ts';
import { exposition } from './exposition.ts';

const RECEIPT = { seq: 1 } as Parameters<JournalListener>[1];

function request(code: string | undefined, app: string, action: 'allowed' | 'denied' | undefined): OcsfEvent {
  return buildEvent({
    class: 'httpActivity',
    activity: 'get',
    time: 0,
    message: '',
    ...(code === undefined ? {} : { statusCode: code }),
    ...(action === undefined ? {} : { action }),
    attributes: { dst_endpoint: { hostname: 'x', svc_name: app } },
  });
}

function counting(): { count: (...events: readonly OcsfEvent[]) => void; counted: ReturnType<typeof countEvents> } {
  let tell: JournalListener | undefined;
  const journal = {
    subscribe: (listener: JournalListener) => {
      tell = listener;
      return () => {
        tell = undefined;
      };
    },
  };
  const graph = { get: (_kind: string, id: string) => (id.startsWith('app-') ? {} : undefined) };
  const counted = countEvents(journal, graph as unknown as Parameters<typeof countEvents>[1]);
  return { counted, count: (...events) => events.forEach((event) => tell?.(event, RECEIPT)) };
}

describe('what is counted', () => {
  it('is requests by app, outcome and reason, whoever they were of', () => {
    const { count, counted } = counting();
    count(
      request(undefined, 'app-1', 'allowed'),
      request(undefined, 'app-1', 'allowed'),
      request('no-permit', 'app-1', 'denied'),
      request('upstream-timeout', 'app-2', undefined),
      request('app-unknown', 'whatever a stranger says', 'denied'),
    );
    assert.deepEqual(
      counted.requests().map(({ labels, value }) => [...Object.values(labels ?? {}), value]),
      [
        ['app-1', 'permitted', 'none', 2],
        ['app-1', 'denied', 'no-permit', 1],
        ['app-2', 'failed', 'upstream-timeout', 1],
        ['none', 'denied', 'app-unknown', 1],
      ],
    );
  });

  it('is cuts and overloads apart from requests', () => {
    const { count, counted } = counting();
    const cut = buildEvent({
      class: 'httpActivity',
      activity: 'cut',
      time: 0,
      message: '',
      statusCode: 'session-revoked',
      action: 'denied',
    });
    const overload = (kind: string, shed: number): OcsfEvent =>
      buildEvent({
        class: 'httpActivity',
        activity: 'other',
        time: 0,
        message: '',
        cordon: { overload: { kind, shed } },
      });
    const end = buildEvent({ class: 'httpActivity', activity: 'end', time: 0, message: '', status: 'success' });
    count(cut, cut, overload('began', 0), end);
    assert.equal(counted.shedding, 1);
    count(overload('ended', 7));
    assert.deepEqual([counted.shedding, counted.shed, counted.requests()], [0, 7, []]);
    assert.deepEqual(counted.cuts(), [{ labels: { reason: 'session-revoked' }, value: 2 }]);
    assert.deepEqual(counted.events(), [{ labels: { class: 'httpActivity' }, value: 5 }]);
    counted.close();
    count(cut);
    assert.equal(counted.cuts()[0]?.value, 2);
  });

  it('is a bounded number of series, and nothing is lost in the sum', () => {
    const { count, counted } = counting();
    for (let i = 0; i < 5000; i++) count(request(undefined, `app-${i}`, 'allowed'));
    const samples = counted.requests();
    assert.ok(samples.length <= 2001, `${samples.length}`);
    assert.equal(
      samples.reduce((sum, { value }) => sum + value, 0),
      5000,
    );
  });
});

describe('the exposition', () => {
  it('is what Prometheus reads', () => {
    const samples = [{ value: 1.5 }, { labels: { a: 'x', b: 'q"\\\n' }, value: Number.POSITIVE_INFINITY }];
    assert.equal(
      exposition([{ name: 'm', type: 'gauge', help: 'one\ntwo', samples }]),
      '# HELP m one\\ntwo\n# TYPE m gauge\nm 1.5\nm{a="x",b="q\\"\\\\\\n"} +Inf\n',
    );
  });

  it('has one line per sample, whatever a label holds', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (values) => {
        const samples = values.map((value) => ({ labels: { value }, value: 1 }));
        const lines = exposition([{ name: 'm', type: 'counter', help: '', samples }]).split('\n');
        assert.equal(lines.length, values.length + 3);
        for (const line of lines.slice(2, -1)) assert.match(line, /^m\{value="(?:[^"\\]|\\["\\n])*"\} 1$/);
      }),
    );
  });
});

/** Plain HTTP, no probes that would count, and metrics at an address. */
const metricsAt = (listen: string): string =>
  `listen: { http: "127.0.0.1:0", tls: off }\nprobe: { every: off }\nmetrics: { listen: "${listen}" }\n`;

describe('the metrics of a running Cordon', () => {
  it('are off unless somebody asks for them', async (t) => {
    assert.equal((await started(t, metricsAt('off'))).metricsPort, undefined);
  });

  it('tell what happened, and hold no person and no path', async (t) => {
    const cordon = await started(t, metricsAt('127.0.0.1:0'));
    const url = `http://127.0.0.1:${cordon.metricsPort}`;
    const headers = { host: 'verify.localhost' };
    await new Promise((resolve, reject) => {
      ask({ host: '127.0.0.1', port: cordon.ports.http, path: '/secret-path', headers, agent: false }, (answer) => {
        answer.resume().once('end', resolve);
      })
        .once('error', reject)
        .end();
    });
    await cordon.services.prober.run();
    const answer = await fetch(`${url}/metrics`);
    assert.match(answer.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
    const text = await answer.text();
    assert.match(text, /^cordon_requests_total\{app="verify",outcome="denied",reason="not-authenticated"\} 1$/m);
    assert.match(text, /^cordon_journal_writable 1$/m);
    assert.match(text, /^cordon_probe_findings 0$/m);
    assert.match(text, /^cordon_build_info\{version="1\.2\.3",/m);
    assert.match(text, /^cordon_events_total\{class="scanActivity"\} 1$/m);
    assert.match(text, /^cordon_event_loop_delay_seconds\{quantile="0\.99"\} [\d.e-]+$/m);
    assert.doesNotMatch(text, /secret-path|NaN|undefined/);
    assert.equal((await fetch(`${url}/`)).status, 404);
    assert.equal((await fetch(`${url}/metrics`, { method: 'POST' })).status, 405);
  });
});
