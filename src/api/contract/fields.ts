import { z } from 'zod';

/** Why something is done; it is recorded. */
export const reason = z.string().trim().min(3).max(500);

/** The files of a policy bundle: name -> text. */
export const texts = z.record(z.string().max(300), z.string());

/** Items, and how many there are. */
export const list = <T extends z.ZodType>(item: T): z.ZodObject<{ items: z.ZodArray<T>; total: z.ZodNumber }> =>
  z.object({ items: z.array(item), total: z.number() });
