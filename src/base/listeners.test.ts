import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { Listeners } from '#base';

describe('listeners', () => {
  it('are told in the order they were added, with all arguments, until they are removed', () => {
    const listeners = new Listeners<[number, string]>('test');
    const told: string[] = [];
    const remove = listeners.add((number, text) => told.push(`first ${number} ${text}`));
    listeners.add((number) => told.push(`second ${number}`));
    listeners.tell(1, 'a');
    remove();
    remove();
    listeners.tell(2, 'b');
    assert.deepEqual(told, ['first 1 a', 'second 1', 'second 2']);
  });

  it('hold a function that was added twice twice, and remove one of the two', () => {
    const listeners = new Listeners<[]>('test');
    let count = 0;
    const listener = (): unknown => count++;
    const remove = listeners.add(listener);
    listeners.add(listener);
    listeners.tell();
    remove();
    listeners.tell();
    assert.equal(count, 3);
  });

  it('that throw or reject disturb nobody, and the process is warned whose they were', async () => {
    const listeners = new Listeners<[]>('graph');
    let wasTold = false;
    listeners.add(() => {
      throw new Error('thrown');
    });
    listeners.add(async () => await Promise.reject(new Error('rejected')));
    listeners.add(() => {
      wasTold = true;
    });
    const warnings: string[] = [];
    const collect = (warning: Error & { code?: string }): unknown =>
      warnings.push(`${warning.code} ${warning.message.split('\n')[0]}`);
    process.on('warning', collect);
    listeners.tell();
    assert.equal(wasTold, true);
    while (warnings.length < 2) await once(process, 'warning');
    process.off('warning', collect);
    assert.deepEqual(warnings, [
      'CORDON_GRAPH_LISTENER a graph listener failed: Error: thrown',
      'CORDON_GRAPH_LISTENER a graph listener failed: Error: rejected',
    ]);
  });
});
