import { argon2, timingSafeEqual } from 'node:crypto';
import { randomOctets } from '#base';
import type { IdentityLimits } from './limits.ts';

type PasswordLimits = IdentityLimits['password'];

interface Phc {
  readonly memoryKiB: number;
  readonly passes: number;
  readonly salt: Buffer;
  readonly tag: Buffer;
}

/** Hashes and verifies passwords with Argon2id (RFC 9106), a few at a time. */
export interface PasswordHasher {
  /** The PHC string of a password, or undefined when too many are waiting. */
  hash(password: string): Promise<string | undefined>;
  /**
   * Runs `work` when there is room for one more verification, or returns undefined when too many are waiting. `verify` compares with a
   * PHC string; without one it costs the same and is false, so that an unknown account takes as long as a known one.
   */
  withTurn<T>(
    work: (verify: (phc: string | undefined, password: string) => Promise<boolean>) => Promise<T>,
  ): Promise<T | undefined>;
}

/** Makes a hasher. It never holds more than `concurrency + queue` requests: a flood is shed, not piled up. */
export function createPasswordHasher(limits: PasswordLimits): PasswordHasher {
  const turn = createTurnstile(limits);
  return {
    hash: async (password) => await turn(async () => await hash(password, limits)),
    withTurn: async (work) =>
      await turn(async () => await work(async (phc, password) => await verify(phc, password, limits))),
  };
}

function createTurnstile({
  concurrency,
  queue,
}: PasswordLimits): <T>(work: () => Promise<T>) => Promise<T | undefined> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running >= concurrency) {
      if (waiting.length >= queue) return undefined;
      // The one who leaves hands its place over, so `running` does not change.
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else {
      running++;
    }
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}

async function hash(password: string, { memoryKiB, passes }: PasswordLimits): Promise<string> {
  const salt = randomOctets(16);
  const tag = await derive(password, { memoryKiB, passes, salt, tag: Buffer.alloc(32) });
  return `$argon2id$v=19$m=${memoryKiB},t=${passes},p=1$${unpadded(salt)}$${unpadded(tag)}`;
}

async function verify(phc: string | undefined, password: string, limits: PasswordLimits): Promise<boolean> {
  const parsed = phc === undefined ? undefined : parsePhc(phc);
  const reference = parsed ?? { ...limits, salt: randomOctets(16), tag: randomOctets(32) };
  const tag = await derive(password, reference);
  return timingSafeEqual(tag, reference.tag) && parsed !== undefined;
}

async function derive(password: string, { memoryKiB, passes, salt, tag }: Phc): Promise<Buffer> {
  const parameters = {
    message: Buffer.from(password.normalize('NFC')),
    nonce: salt,
    parallelism: 1,
    tagLength: tag.length,
    memory: memoryKiB,
    passes,
  };
  return await new Promise((resolve, reject) => {
    argon2('argon2id', parameters, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}

function parsePhc(text: string): Phc | undefined {
  const match = /^\$argon2id\$v=19\$m=(\d{1,8}),t=(\d{1,4}),p=1\$([A-Za-z0-9+/]{11,})\$([A-Za-z0-9+/]{22,})$/.exec(
    text,
  );
  if (match === null) return undefined;
  const [, memory = '', passes = '', salt = '', tag = ''] = match;
  return {
    memoryKiB: Number(memory),
    passes: Number(passes),
    salt: Buffer.from(salt, 'base64'),
    tag: Buffer.from(tag, 'base64'),
  };
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '');
}
