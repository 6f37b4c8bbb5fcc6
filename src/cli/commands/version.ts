import type { CommandContext } from '../command.ts';

/** `cordon version` */
export async function version({ world, out }: CommandContext): Promise<number> {
  const node = process.versions.node;
  if (out.isJson) out.document({ cordon: world.version, node });
  else out.line(`cordon ${world.version} (Node ${node})`);
  return 0;
}
