import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deniedPage } from './denied.ts';
import { proseHtml } from './page.ts';

describe('text on a page of the gateway', () => {
  for (const [text, html] of [
    ['', ''],
    ['plain', 'plain'],
    ['`Chrome on Linux` is not managed', '<code>Chrome on Linux</code> is not managed'],
    ['run `a` or `b`', 'run <code>a</code> or <code>b</code>'],
    ['one ` alone', 'one &#96; alone'],
    ['`<img onerror=x>` & "y"', '<code>&#60;img onerror=x&#62;</code> &#38; &#34;y&#34;'],
    ['<b>`', '&#60;b&#62;&#96;'],
  ] as const) {
    it(`\`${text}\` becomes ${html === '' ? 'nothing' : html}`, () => assert.equal(proseHtml(text), html));
  }
});

describe('the page of a refusal', () => {
  const reason = { code: 'device-unmanaged', detail: '`Chrome on Linux` is not managed' } as const;
  const denial = { status: 403, policies: [], remedies: [], correlationId: 'cor_1' } as const;

  it('says once what two policies demand, and each demand that differs', () => {
    const other = { ...reason, detail: 'another cause' };
    const { html } = deniedPage({ ...denial, reasons: [reason, reason, other] });
    assert.equal(html.split('<code>Chrome on Linux</code> is not managed').length - 1, 1);
    assert.equal(html.split('another cause').length - 1, 1);
  });

  it('does not repeat its heading where that is the only reason, and names the reason all the same', () => {
    const title = 'This needs a managed device';
    const one = deniedPage({ ...denial, reasons: [reason] }).html;
    assert.equal(one.split(`${title}<`).length - 1 + one.split(`${title} <`).length - 1, 1, 'the heading');
    assert.match(one, /<li><code>device-unmanaged<\/code><br>/);
    const two = deniedPage({ ...denial, reasons: [reason, { code: 'risk-too-high' }] }).html;
    assert.match(two, /<li>This needs a managed device <code>device-unmanaged<\/code>/);
  });

  it('shows commands as code', () => {
    const { html } = deniedPage({ ...denial, reasons: [reason], remedies: ['enrol-device'] });
    assert.match(html, /run <code>cordon agent enrol<\/code> on it/);
  });
});
