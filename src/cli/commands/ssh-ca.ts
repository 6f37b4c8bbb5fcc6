import { serverOf } from '../client.ts';
import type { CommandContext } from '../command.ts';

/** `cordon ssh-ca` */
export async function authority(context: CommandContext): Promise<number> {
  const { out } = context;
  const found = await serverOf(context).ask('sshAuthority', {});
  if (out.isJson) out.document(found);
  else out.line(found.publicKey);
  return 0;
}
