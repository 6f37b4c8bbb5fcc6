import type { Json } from '#base';
import { buildEvent, type EventClass, type EventInput, type OcsfEvent } from '#model';
import type { Call } from '../caller.ts';
import type { ApiServices } from '../services.ts';

/** Builds the event of something a caller did that no area records by itself: with the actor, the address and the correlation id. */
export function actEvent<C extends EventClass>(
  { clock }: Pick<ApiServices, 'clock'>,
  { caller, address, correlationId }: Pick<Call, 'caller' | 'address' | 'correlationId'>,
  act: Pick<EventInput<C>, 'class' | 'activity' | 'message' | 'severity' | 'attributes'> & {
    readonly cordon: { readonly [key: string]: Json };
  },
): OcsfEvent {
  return buildEvent({
    ...act,
    time: clock.now(),
    status: 'success',
    correlationId,
    attributes: { ...act.attributes, actor: { user: { uid: caller.actor } }, src_endpoint: { ip: address } },
    cordon: { ...act.cordon, actor: caller.actor },
  });
}
