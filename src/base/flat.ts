/**
 * The same well-formed text in one piece. What was put together stays a tree of its parts, which the engine walks each time something
 * longer is made of it; worth it for what is kept and used again.
 */
export function flat(text: string): string {
  return Buffer.from(text).toString();
}
