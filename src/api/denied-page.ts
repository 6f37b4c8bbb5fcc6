import type { FastifyReply } from 'fastify';
import { type Denial, deniedPage } from '#gateway';

/** Sends the page that says what was refused, why, and what to do. */
export async function sendDenied(
  reply: FastifyReply,
  denial: Omit<Denial, 'policies' | 'app'> & Partial<Pick<Denial, 'policies'>>,
): Promise<void> {
  const { html, contentSecurityPolicy } = deniedPage({ policies: [], ...denial, app: 'Cordon' });
  await reply
    .code(denial.status)
    .type('text/html; charset=utf-8')
    .header('content-security-policy', contentSecurityPolicy)
    .send(html);
}
