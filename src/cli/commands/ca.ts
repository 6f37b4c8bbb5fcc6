import { serverOf } from '../client.ts';
import type { CommandContext } from '../command.ts';

/** `cordon ca` */
export async function authority(context: CommandContext): Promise<number> {
  const { out } = context;
  const found = await serverOf(context).ask('authority', {});
  if (out.isJson) out.document(found);
  else out.line(found.certificate.trimEnd());
  return 0;
}
