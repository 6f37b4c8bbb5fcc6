import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CordonError } from '#base';
import { choose, chooseMaybe } from './choose.ts';

const WHAT = { noun: 'asset', list: 'assets list' };
const ASSETS = [
  { id: 'arn:aws:rds:eu:1:db:billing', names: ['Billing database'] },
  { id: 'arn:aws:rds:eu:1:db:billing-copy', names: ['Copy'] },
  { id: 'aws:1:eu:network.security-group:sg-0001', names: ['default'] },
  { id: 'aws:1:us:network.security-group:sg-0002', names: ['default'] },
  { id: 'sg-0002', names: ['arn:aws:rds:eu:1:db:billing'] },
];

function failure(text: string): CordonError {
  try {
    choose(WHAT, text, ASSETS);
  } catch (error) {
    if (error instanceof CordonError) return error;
  }
  throw new Error(`\`${text}\` was accepted`);
}

describe('naming one of several things', () => {
  const cases: Readonly<Record<string, readonly [string, number]>> = {
    'by its id, before any name': ['arn:aws:rds:eu:1:db:billing', 0],
    'by its name, in any case': ['billing DATABASE', 0],
    'by the last part of its id': ['sg-0001', 2],
    'by its id, before the last part of another': ['sg-0002', 4],
    'by the beginning of its name': ['cop', 1],
    'by the beginning of the last part of its id': ['billing-c', 1],
  };
  for (const [name, [text, index]] of Object.entries(cases)) {
    it(name, () => assert.equal(choose(WHAT, text, ASSETS), ASSETS[index]));
  }

  it('lists the candidates when several are meant', () => {
    const { code, message, hint } = failure('default');
    assert.equal(code, 'id-ambiguous');
    assert.equal(
      message,
      '`default` names 2 assets: `aws:1:eu:network.security-group:sg-0001` (default), `aws:1:us:network.security-group:sg-0002` (default)',
    );
    assert.equal(hint, 'write the id, or more of it');
  });

  it('lists only some of very many', () => {
    const many = Array.from({ length: 30 }, (_, index) => ({ id: `x-${index}`, names: [] }));
    assert.throws(() => choose(WHAT, 'x', many), /`x-7` and 22 more$/);
  });

  it('says where to look when nothing is meant', () => {
    const { code, message, hint } = failure('nothing');
    assert.deepEqual(
      [code, message, hint],
      ['id-unknown', 'no asset `nothing`', 'list them with `cordon assets list`'],
    );
    assert.equal(failure('').code, 'id-unknown');
    assert.equal(chooseMaybe('asset', 'nothing', ASSETS), undefined);
  });
});
