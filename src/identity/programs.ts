import { ok } from '#base';
import type { Actor, AppSession } from '#model';
import type { IdentityContext } from './context.ts';
import { authenticationEvent } from './record.ts';
import { type Outcome, refuse } from './refusal.ts';

/** Programs that people let open apps as them. */
export interface Programs {
  /** Those whose tokens are good now, newest first; of one person, or of all. */
  list(userId?: string): readonly AppSession[];
  /** Ends the token of one program by its id; the session stays. `ownerId` limits it to that person's. `err`: `session-unknown`. */
  end(input: { id: string; by: Actor; ownerId?: string }): Promise<Outcome<void>>;
}

/** Makes the operations. */
export function programsOf(context: IdentityContext): Programs {
  const { graph, clock, store, journal } = context;
  const ownerOf = ({ sessionId }: AppSession): string | undefined => graph.get('session', sessionId)?.userId;
  return {
    list: (userId) =>
      [...graph.all('appSession')]
        .filter(({ form, expiresAt = 0 }) => form !== undefined && expiresAt > clock.now())
        .filter((one) => (userId === undefined ? ownerOf(one) !== undefined : ownerOf(one) === userId))
        .sort((a, b) => b.createdAt - a.createdAt),
    end: async ({ id, by, ownerId }) => {
      const token = graph.get('appSession', id);
      const userId = token === undefined ? undefined : ownerOf(token);
      if (token?.form === undefined || (ownerId !== undefined && userId !== ownerId)) {
        return refuse('session-unknown', `no program \`${id}\``, 'list the programs to see their ids');
      }
      await store.transact(by, async (tx) => {
        await tx.delete('appSession', id);
      });
      const user = userId === undefined ? undefined : graph.get('user', userId);
      await journal.append(
        authenticationEvent(context, {
          activity: 'logoff',
          message: `the token of \`${token.program ?? ''}\` for ${token.host} was ended by ${by}`,
          factors: [],
          sessionId: token.sessionId,
          ...(user === undefined ? {} : { user }),
          detail: { token: id, host: token.host, program: token.program ?? '' },
        }),
      );
      return ok(undefined);
    },
  };
}
