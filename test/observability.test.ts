/** The dashboard in `examples/observability` asks for what a running Cordon shows. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { estate } from './gateway/estate.ts';

const FOLDER = join(import.meta.dirname, '../examples/observability');

interface Panel {
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets: readonly { readonly expr: string }[];
}

const { panels } = JSON.parse(readFileSync(join(FOLDER, 'dashboard.json'), 'utf8')) as {
  readonly panels: readonly Panel[];
};
const asked = panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => namesIn(expr)));

/** Names of series in an expression; no function of PromQL is called like one of them. */
function namesIn(expr: string): string[] {
  return expr.match(/\b(?:cordon|process|nodejs)_\w+/g) ?? [];
}

/** Names of series that an exposition can hold, those of histograms with what follows them. */
function seriesOf(exposition: string): Set<string> {
  const found = [...exposition.matchAll(/^# TYPE (\S+) (\S+)$/gm)];
  return new Set(
    found.flatMap(([, name = '', type]) =>
      type === 'histogram' ? ['_bucket', '_sum', '_count'].map((suffix) => name + suffix) : [name],
    ),
  );
}

describe('the dashboard', () => {
  it('asks for nothing that a running Cordon does not show, and leaves nothing of Cordon out', async (t) => {
    const { cordon } = await estate(t, 'metrics: { listen: "127.0.0.1:0" }');
    await cordon.services.prober.run();
    const shown = seriesOf(await (await fetch(`http://127.0.0.1:${cordon.metricsPort}/metrics`)).text());
    assert.deepEqual(
      asked.filter((name) => !shown.has(name)),
      [],
    );
    assert.ok(asked.length > 25, `${asked.length} series`);
    const stems = new Set(asked.map((name) => name.replace(/_bucket$/, '')));
    const unseen = [...shown].filter((name) => name.startsWith('cordon_') && !/_(?:sum|count|bucket)$/.test(name));
    assert.deepEqual(
      unseen.filter((name) => !stems.has(name)),
      ['cordon_graph_seq', 'cordon_probe_sent', 'cordon_probe_round_timestamp_seconds', 'cordon_build_info'],
      'these say nothing in a picture',
    );
  });

  it('has an expression in each panel, and no panel over another', () => {
    const cells = panels.flatMap(({ title, gridPos: { x, y, w }, targets }) => {
      assert.ok(targets.length > 0 && targets.every(({ expr }) => namesIn(expr).length === 1), title);
      assert.ok(x + w <= 24, title);
      return Array.from({ length: w }, (_none, at) => `${x + at} ${y}`);
    });
    assert.equal(new Set(cells).size, cells.length);
  });

  it('is asked for where the README says that metrics are', () => {
    const target = '127.0.0.1:9464';
    for (const file of ['prometheus.yml', 'README.md'])
      assert.ok(readFileSync(join(FOLDER, file), 'utf8').includes(target));
  });
});
