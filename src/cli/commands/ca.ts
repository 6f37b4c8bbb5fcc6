import { serverOf } from '../client.ts';
import type { CommandContext } from '../command.ts';

/** `cordon ca` */
export async function authority(context: CommandContext): Promise<number> {
  const { out } = context;
  const found = await serverOf(context).ask('authority', {});
  if (out.isJson) out.document(found);
  // Line by line: a line end inside of a text would be taken for one of an attacker.
  else for (const line of found.certificate.trimEnd().split('\n')) out.line(line);
  return 0;
}
