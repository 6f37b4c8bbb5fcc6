import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { grpcFields, isGrpc } from './grpc.ts';

const client = (protocol: 'h2' | 'http/1.1', type?: string): Parameters<typeof isGrpc>[0] => ({
  protocol,
  header: (name) => (name === 'content-type' ? type : undefined),
});

describe('a call of gRPC', () => {
  const calls: readonly (readonly ['h2' | 'http/1.1', string | undefined, boolean])[] = [
    ['h2', 'application/grpc', true],
    ['h2', 'application/grpc+proto', true],
    ['h2', 'application/grpc;charset=utf-8', true],
    ['h2', 'application/grpc-web+proto', false],
    ['h2', 'application/json', false],
    ['h2', undefined, false],
    ['http/1.1', 'application/grpc', false],
  ];
  for (const [protocol, type, expected] of calls) {
    it(`is ${expected ? '' : 'not '}one of \`${type ?? 'no type'}\` over ${protocol}`, () => {
      assert.equal(isGrpc(client(protocol, type)), expected);
    });
  }

  for (const [status, code] of [
    [400, '13'],
    [401, '16'],
    [403, '7'],
    [404, '12'],
    [405, '12'],
    [421, '14'],
    [429, '14'],
    [500, '13'],
    [502, '14'],
    [503, '14'],
    [504, '14'],
    [599, '14'],
  ] as const) {
    it(`that is refused with ${status} is told ${code}`, () => {
      assert.equal(grpcFields(status, '')[1], code);
    });
  }

  it('reads the message as it is, and nothing of it is a field of its own', () => {
    assert.equal(grpcFields(403, 'no-permit: ask, please')[3], 'no-permit: ask, please');
    assert.equal(grpcFields(403, 'a\r\nx: y ü %')[3], 'a%0D%0Ax: y %C3%BC %25');
    assert.equal(grpcFields(403, 'half a pair: \ud800')[3], 'half a pair: %EF%BF%BD');
  });
});
