import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ENTITY_KINDS, isEntityKind, type Risk, riskLevel, riskScore } from '#model';

const HOUR = 3_600_000;

function risk(...contributions: readonly { score: number; at: number; halfLifeMs?: number }[]): Risk {
  return {
    id: 'user:ada',
    subjectKind: 'user',
    subjectId: 'ada',
    contributions: contributions.map(({ score, at, halfLifeMs = HOUR }) => ({
      ruleId: 'password-guessing',
      score,
      at,
      halfLifeMs,
      reason: '',
      eventId: '',
    })),
  };
}

describe('a risk', () => {
  it('halves with every half-life, adds up, and never exceeds 100', () => {
    assert.equal(riskScore(undefined, 0), 0);
    assert.equal(riskScore(risk({ score: 80, at: 0 }), 0), 80);
    assert.equal(riskScore(risk({ score: 80, at: 0 }), 2 * HOUR), 20);
    assert.equal(riskScore(risk({ score: 20, at: 0 }, { score: 20, at: HOUR }), HOUR), 30);
    assert.equal(riskScore(risk({ score: 90, at: 0 }, { score: 90, at: 0 }), 0), 100);
  });

  it('does not grow when the clock jumps back', () => {
    assert.equal(riskScore(risk({ score: 40, at: 10 * HOUR }), 0), 40);
  });

  for (const [score, level] of [
    [0, 'low'],
    [29.9, 'low'],
    [30, 'medium'],
    [69.9, 'medium'],
    [70, 'high'],
    [100, 'high'],
    [Number.NaN, 'high'],
  ] as const) {
    it(`of ${score} points is ${level}`, () => assert.equal(riskLevel(score), level));
  }

  it('whose numbers make no sense is high, not low', () => {
    assert.equal(riskLevel(riskScore(risk({ score: 80, at: Number.NaN }), 0)), 'high');
    assert.equal(riskLevel(riskScore(risk({ score: 80, at: 0, halfLifeMs: 0 }), 0)), 'high');
  });
});

describe('the kinds of entities', () => {
  it('are told from those of private rows', () => {
    for (const kind of ENTITY_KINDS) assert.equal(isEntityKind(kind), true);
    for (const kind of ['credential', 'constructor', '__proto__', 'User', '']) assert.equal(isEntityKind(kind), false);
  });
});
