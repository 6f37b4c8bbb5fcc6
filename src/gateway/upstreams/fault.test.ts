import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { errors } from 'undici';
import { nameFailure, UpstreamFault } from './fault.ts';
import { upstreamRefusal } from './refusal.ts';

const coded = (code: string, message = 'x'): Error => Object.assign(new Error(message), { code });

describe('what went wrong with an upstream', () => {
  const cases: [Error, string, number, string][] = [
    [new UpstreamFault('upstream-unreachable', 'ECONNREFUSED'), 'unreachable', 502, 'upstream-unreachable'],
    [new UpstreamFault('upstream-untrusted', 'CERT_HAS_EXPIRED'), 'unreachable', 502, 'upstream-untrusted'],
    [new UpstreamFault('upstream-timeout', 'no connection'), 'unreachable', 504, 'upstream-timeout'],
    [new UpstreamFault('upstream-unreachable', 'EMFILE too many files'), 'ours', 502, 'upstream-unreachable'],
    [new UpstreamFault('upstream-unreachable', 'reset', 'exchange'), 'lost', 502, 'upstream-unreachable'],
    [new UpstreamFault('upstream-invalid', 'no status', 'exchange'), 'nonsense', 502, 'upstream-invalid'],
    [new errors.SocketError('other side closed'), 'lost', 502, 'upstream-unreachable'],
    [new errors.SocketError('bad response'), 'nonsense', 502, 'upstream-invalid'],
    [new errors.HeadersTimeoutError(), 'late', 504, 'upstream-timeout'],
    [new errors.BodyTimeoutError(), 'late', 504, 'upstream-timeout'],
    [new errors.HeadersOverflowError(), 'nonsense', 502, 'upstream-invalid'],
    [new errors.HTTPParserError('x'), 'nonsense', 502, 'upstream-invalid'],
    [new errors.RequestContentLengthMismatchError(), 'ours', 400, 'request-malformed'],
    [new errors.RequestAbortedError(), 'ours', 502, 'upstream-unreachable'],
    [coded('ECONNRESET'), 'lost', 502, 'upstream-unreachable'],
    [coded('EPIPE'), 'lost', 502, 'upstream-unreachable'],
    [new Error('nobody knows'), 'ours', 502, 'upstream-unreachable'],
  ];
  for (const [error, failure, status, reason] of cases)
    it(`is ${failure}, and refused with ${status} ${reason}, after: ${error.message} (${error.name})`, () => {
      assert.equal(nameFailure(error).failure, failure);
      const refusal = upstreamRefusal(error);
      assert.deepEqual([refusal.status, refusal.reasons[0]?.code], [status, reason]);
    });

  it('is told to the journal in bounded length, and to the client not at all', () => {
    const refusal = upstreamRefusal(new UpstreamFault('upstream-unreachable', `10.0.0.1 ${'x'.repeat(10_000)}`));
    assert.equal(refusal.cause?.length, 500);
    assert.deepEqual(refusal.reasons, [{ code: 'upstream-unreachable' }]);
  });
});
