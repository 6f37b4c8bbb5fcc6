const RESERVED = new Set(['true', 'false', 'if', 'then', 'else', 'in', 'is', 'like', 'has', '__cedar']);

/** Whether a text is the name of an entity type as Cedar writes it: identifiers joined by `::`, no spaces, no reserved word. */
export function isTypeName(name: string): boolean {
  return (
    /^[A-Za-z_][A-Za-z0-9_]*(?:::[A-Za-z_][A-Za-z0-9_]*)*$/.test(name) &&
    name.split('::').every((part) => !RESERVED.has(part))
  );
}

/** Whether a type is one of actions: `Action`, in any namespace. */
export function isActionType(name: string): boolean {
  return name === 'Action' || name.endsWith('::Action');
}
