import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { CordonError } from '#base';
import { CONSOLE_POLICY } from './headers.ts';

/** The built console. The same bundle holds the pages of the identity host. */
export interface ConsoleFiles {
  /** Serves what the page loads: hashed files that never change, and the icon. Public: there is nothing in them. */
  register(server: FastifyInstance): Promise<void>;
  /** Sends the page. */
  sendPage(reply: FastifyReply, status?: number): Promise<void>;
}

/** Reads the built console. Fails with `console-missing`. */
export async function readConsole(directory: string): Promise<ConsoleFiles> {
  const page = await readBuilt(directory, 'index.html');
  const icon = await readBuilt(directory, 'favicon.svg');
  return {
    register: async (server) => {
      await server.register(fastifyStatic, {
        root: join(directory, 'assets'),
        prefix: '/assets/',
        decorateReply: false,
        index: false,
        redirect: false,
        dotfiles: 'deny',
        immutable: true,
        maxAge: '365d',
      });
      server.get('/favicon.svg', async (_request, reply) => {
        await reply.type('image/svg+xml').header('cache-control', 'public, max-age=86400').send(icon);
      });
    },
    sendPage: async (reply, status = 200) => {
      await reply
        .code(status)
        .type('text/html; charset=utf-8')
        .header('content-security-policy', CONSOLE_POLICY)
        .send(page);
    },
  };
}

async function readBuilt(directory: string, name: string): Promise<string> {
  try {
    return await readFile(join(directory, name), 'utf8');
  } catch (cause) {
    throw new CordonError('console-missing', `the built console is not complete: \`${join(directory, name)}\``, {
      cause,
      hint: 'run `npm run setup`, which builds it',
    });
  }
}

/** True when a person opens a page, as against a script or an image asking for data. */
export function isNavigation({ method, headers }: FastifyRequest): boolean {
  if (method !== 'GET') return false;
  const mode = headers['sec-fetch-mode'];
  return mode === undefined ? headers.accept?.includes('text/html') === true : mode === 'navigate';
}
