/** `1 device`, `2,000 devices`, in the person's own way of writing numbers. */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString()} ${noun}${count === 1 ? '' : 's'}`;
}
