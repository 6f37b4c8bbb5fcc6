import { text } from 'node:stream/consumers';
import { resolve } from 'node:path';
import type { CommandContext } from '../command.ts';
import { misuse } from '../arguments.ts';
import type { AgentInput } from '../world.ts';

/** Where an agent keeps its state unless told otherwise. */
const STATE_DIRECTORY = '/var/lib/cordon-agent';

function inputOf({ world, args, out }: CommandContext): AgentInput {
  const { stdout, stderr, signal } = world;
  const stateDirectory = resolve(world.cwd, args.text('state') ?? STATE_DIRECTORY);
  return { stateDirectory, json: out.isJson, stdout, stderr, signal };
}

/** `cordon agent enrol` */
export async function enrol(context: CommandContext): Promise<number> {
  const { world, args } = context;
  const given = args.required('token');
  // A token on the command line is seen by everybody who can list processes, so it may come on standard input.
  const token = (given === '-' ? await text(world.stdin) : given).trim();
  if (token === '')
    throw misuse(args.row, 'there is no token on standard input', 'make one with `cordon devices token`');
  return await world.agent.enrol({ ...inputOf(context), token, server: args.required('server') });
}

/** `cordon agent run` */
export async function run(context: CommandContext): Promise<number> {
  return await context.world.agent.run({ ...inputOf(context), enforce: context.args.has('enforce') });
}

/** `cordon agent posture` */
export async function posture(context: CommandContext): Promise<number> {
  return await context.world.agent.posture(inputOf(context));
}

/** `cordon agent program` */
export async function program(context: CommandContext): Promise<number> {
  return await context.world.agent.program(inputOf(context));
}
