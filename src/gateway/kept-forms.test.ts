import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { manualClock, newToken } from '#base';
import { FORM_MS, type FormLimits, type KeptForm, KeptForms } from './kept-forms.ts';

const FORM: KeptForm = { host: 'wiki.localhost', target: '/pages?x=1', body: 'title=A', userId: 'usr_ada' };
const WHO = { host: 'wiki.localhost', userId: 'usr_ada' };

function forms(limits?: FormLimits): { clock: ReturnType<typeof manualClock>; kept: KeptForms } {
  const clock = manualClock(0);
  return { clock, kept: new KeptForms(() => clock.now(), limits) };
}

describe('kept forms', () => {
  it('are given once, to their person at their host', () => {
    const { kept } = forms();
    const secret = kept.keep(FORM, '192.0.2.1') ?? '';
    assert.deepEqual(kept.take(secret, WHO), FORM);
    assert.equal(kept.take(secret, WHO), undefined);
    assert.equal(kept.take(newToken(), WHO), undefined);
  });

  it('of nobody are given to whoever signed in on the browser that sent them', () => {
    const { kept } = forms();
    const { userId: _, ...anonymous } = FORM;
    assert.deepEqual(kept.take(kept.keep(anonymous, 'a') ?? '', WHO), FORM);
  });

  it('are not given to another person, and gone then', () => {
    const { kept } = forms();
    const secret = kept.keep(FORM, 'a') ?? '';
    assert.equal(kept.take(secret, { ...WHO, userId: 'usr_bob' }), undefined);
    assert.equal(kept.take(secret, WHO), undefined);
  });

  it('are not given at another host, where they stay what they were', () => {
    const { kept } = forms();
    const secret = kept.keep(FORM, 'a') ?? '';
    assert.equal(kept.take(secret, { ...WHO, host: 'mail.localhost' }), undefined);
    assert.deepEqual(kept.take(secret, WHO), FORM);
  });

  it('are gone after ten minutes', () => {
    const { clock, kept } = forms();
    const [one, two] = [kept.keep(FORM, 'a') ?? '', kept.keep(FORM, 'a') ?? ''];
    clock.advance(FORM_MS - 1);
    assert.ok(kept.take(one, WHO));
    clock.advance(1);
    assert.equal(kept.take(two, WHO), undefined);
  });

  it('are bounded in number and bytes, and one address takes no room of the others', () => {
    const { clock, kept } = forms({ forms: 4, bytes: 21, perAddress: 2 });
    const secrets = [1, 2, 3].map(() => kept.keep(FORM, 'one') ?? '');
    assert.equal(kept.take(secrets[0] ?? '', WHO), undefined, 'the oldest gave way');
    assert.ok(kept.keep(FORM, 'two'));
    assert.equal(kept.keep(FORM, 'two'), undefined, 'no bytes are left');
    assert.ok(kept.take(secrets[1] ?? '', WHO));
    assert.ok(kept.keep(FORM, 'two'), 'what is taken leaves room');
    clock.advance(FORM_MS);
    assert.ok(kept.keep(FORM, 'three'), 'and so does what is over');
  });

  it('count a /64 of IPv6 as one address, as it is one customer’s', () => {
    const { kept } = forms({ forms: 9, bytes: 1000, perAddress: 1 });
    const first = kept.keep(FORM, '2001:db8::1') ?? '';
    assert.ok(kept.keep(FORM, '2001:db8::ffff:2'));
    assert.equal(kept.take(first, WHO), undefined);
    const other = kept.keep(FORM, '2001:db8:0:1::1') ?? '';
    assert.ok(kept.keep(FORM, '192.0.2.1'));
    assert.ok(kept.take(other, WHO));
  });
});
