import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { FastifyRequest } from 'fastify';
import { CordonError } from '#base';
import { isNavigation, readConsole } from './console-files.ts';

describe('the built console', () => {
  for (const [what, files] of [
    ['is not there', []],
    ['is not complete', ['index.html']],
  ] as const) {
    it(`says what to do when it ${what}`, async () => {
      const directory = mkdtempSync(join(tmpdir(), 'cordon-console-'));
      for (const file of files) writeFileSync(join(directory, file), 'x');
      await assert.rejects(readConsole(directory), (error) => {
        assert.ok(error instanceof CordonError);
        assert.equal(error.code, 'console-missing');
        assert.ok(error.message.includes(directory));
        assert.match(error.hint ?? '', /npm run setup/);
        return true;
      });
      rmSync(directory, { recursive: true });
    });
  }
});

describe('opening a page', () => {
  for (const [method, headers, expected] of [
    ['GET', { 'sec-fetch-mode': 'navigate', accept: '*/*' }, true],
    ['GET', { accept: 'text/html,application/xhtml+xml' }, true],
    ['GET', { 'sec-fetch-mode': 'cors', accept: 'text/html' }, false],
    ['GET', { 'sec-fetch-mode': 'no-cors', accept: 'text/html' }, false],
    ['GET', { accept: 'application/json' }, false],
    ['GET', {}, false],
    ['POST', { 'sec-fetch-mode': 'navigate', accept: 'text/html' }, false],
    ['HEAD', { accept: 'text/html' }, false],
  ] as const) {
    it(`${expected ? 'is' : 'is not'} ${method} with ${JSON.stringify(headers)}`, () => {
      assert.equal(isNavigation({ method, headers } as unknown as FastifyRequest), expected);
    });
  }
});
