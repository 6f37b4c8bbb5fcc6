/// <reference types="node" />
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CONNECTION_KINDS, type Connection, filterConnections } from './connection-filter.ts';

const open = (id: string, kind: Connection['kind'], more: Partial<Connection> = {}): Connection => {
  const about = { userId: 'usr_1', email: 'ada@example.org', appId: 'wiki', app: 'Manual', path: '/live' };
  return { id, kind, ...about, since: 0, address: '10.0.0.9', ...more };
};
const ALL = [
  open('a', 'http'),
  open('b', 'websocket', { email: 'eve@example.org' }),
  open('c', 'grpc', { path: '/shop.Orders/Watch' }),
  open('d', 'tcp', { app: 'Customers', appId: 'db', path: '/.cordon/tunnel' }),
];

describe('the list of connections', () => {
  for (const [name, filter, expected] of [
    ['is whole without a filter', {}, ['a', 'b', 'c', 'd']],
    ['finds the person', { search: 'EVE@' }, ['b']],
    ['finds the path', { search: 'orders/watch' }, ['c']],
    ['finds the app by name', { search: 'customers' }, ['d']],
    ['finds the app by id', { search: 'db' }, ['d']],
    ['finds the address, and needs every word', { search: '10.0.0.9 ada' }, ['a', 'c', 'd']],
    ['needs search and kind', { search: 'eve', kind: 'tcp' }, []],
  ] as const) {
    it(name, () =>
      assert.deepEqual(
        filterConnections(ALL, { search: '', kind: '', ...filter }).map(({ id }) => id),
        expected,
      ),
    );
  }

  it('is narrowed to each kind there is', () => {
    const found = CONNECTION_KINDS.map(({ value }) =>
      filterConnections(ALL, { search: '', kind: value }).map(({ id }) => id),
    );
    assert.deepEqual(found, [['a'], ['b'], ['c'], ['d']]);
  });
});
