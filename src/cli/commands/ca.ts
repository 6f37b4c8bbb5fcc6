import { serverOf } from '../client.ts';
import type { CommandContext } from '../command.ts';

/** `cordon ca` */
export async function authority(context: CommandContext): Promise<number> {
  const { out } = context;
  const found = await serverOf(context).ask('authority', {});
  if (out.isJson) out.document(found);
  // Line by line: line ends inside of a text are cleaned away. The contract says that there is nothing but PEM between them.
  else for (const line of found.certificate.trimEnd().split('\n')) out.line(line);
  return 0;
}
