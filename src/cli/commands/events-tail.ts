import { CordonError } from '#base';
import { CONTROL_ROUTES } from '#contract';
import { serverOf } from '../client.ts';
import type { CommandContext } from '../command.ts';
import { type EventView, eventCells } from '../events.ts';

/** `cordon events tail` */
export async function tail(context: CommandContext): Promise<number> {
  const { world, args, out } = context;
  const classUid = args.integer('class', 0, 999_999);
  try {
    for await (const data of serverOf(context).stream(classUid === undefined ? {} : { class: classUid })) {
      const event = eventOf(data);
      if (out.isJson) out.item(event);
      else out.line(...eventCells(event).flatMap((piece, index) => (index === 0 ? [piece] : ['  ', piece])));
    }
  } catch (error) {
    if (world.signal.aborted) return 0;
    throw error;
  }
  if (world.signal.aborted) return 0;
  throw new CordonError('server-unreachable', 'the server ended the stream of events', {
    hint: 'see whether it runs with `cordon status`, then start this again',
  });
}

const eventView = CONTROL_ROUTES.events.response.shape.items.element;

function eventOf(data: string): EventView {
  try {
    return eventView.parse(JSON.parse(data));
  } catch (cause) {
    throw new CordonError('server-answer-invalid', 'the server sent an event that this version cannot read', {
      cause,
      hint: 'use the `cordon` command of the version that runs; `cordon version` shows this one',
    });
  }
}
