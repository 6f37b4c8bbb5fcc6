import { isJsonObject, type Json } from '#base';

/** Writes an nftables document (libnftables JSON, the constructs Cordon uses) in nft's own language, for people. */
export function nftText(document: { readonly nftables: readonly Json[] }): string {
  return document.nftables.map((command) => `${commandText(command)}\n`).join('');
}

function commandText(command: Json): string {
  const [verb, object] = onlyEntry(command);
  const [kind, body] = onlyEntry(object);
  const at = `${text(get(body, 'family'))} ${text(get(body, 'table'))}`;
  switch (kind) {
    case 'table':
      return `${verb} table ${text(get(body, 'family'))} ${text(get(body, 'name'))}`;
    case 'set':
      return `${verb} set ${at} ${text(get(body, 'name'))} { ${setText(body)} }`;
    case 'element':
      return `${verb} element ${at} ${text(get(body, 'name'))} { ${items(get(body, 'elem'), ', ')} }`;
    case 'chain': {
      const hook = `type ${text(get(body, 'type'))} hook ${text(get(body, 'hook'))} priority ${text(get(body, 'prio'))}`;
      return `${verb} chain ${at} ${text(get(body, 'name'))} { ${hook}; policy ${text(get(body, 'policy'))}; }`;
    }
    default: {
      const comment = get(body, 'comment');
      const suffix = typeof comment === 'string' ? ` comment ${JSON.stringify(comment)}` : '';
      return `${verb} rule ${at} ${text(get(body, 'chain'))} ${items(get(body, 'expr'), ' ')}${suffix}`;
    }
  }
}

function setText(body: Json): string {
  const type = get(body, 'type');
  const parts = [
    `type ${Array.isArray(type) ? items(type, ' . ') : text(type)};`,
    `flags ${items(get(body, 'flags'), ',')};`,
  ];
  if (get(body, 'timeout') !== null) parts.push(`timeout ${text(get(body, 'timeout'))}s;`);
  if (get(body, 'size') !== null) parts.push(`size ${text(get(body, 'size'))};`);
  return parts.join(' ');
}

function text(value: Json): string {
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  const [kind, body] = onlyEntry(value);
  switch (kind) {
    case 'match':
      return `${text(get(body, 'left'))} ${get(body, 'op') === '==' ? '' : `${text(get(body, 'op'))} `}${text(get(body, 'right'))}`;
    case 'payload':
      return `${text(get(body, 'protocol'))} ${text(get(body, 'field'))}`;
    case 'meta':
      return `meta ${text(get(body, 'key'))}`;
    case 'ct':
      return `ct ${text(get(body, 'key'))}`;
    case 'range':
      return items(body, '-');
    case 'concat':
      return items(body, ' . ');
    case 'set':
      if (Array.isArray(body)) return `{ ${items(body, ', ')} }`;
      return `${text(get(body, 'op'))} ${text(get(body, 'set'))} { ${text(get(body, 'elem'))} ${items(get(body, 'stmt'), ' ')} }`;
    default:
      return kind;
  }
}

function items(value: Json, separator: string): string {
  return Array.isArray(value) ? value.map((item: Json) => text(item)).join(separator) : text(value);
}

function onlyEntry(value: Json): readonly [string, Json] {
  return (isJsonObject(value) ? Object.entries(value)[0] : undefined) ?? ['', null];
}

function get(value: Json, key: string): Json {
  return isJsonObject(value) ? (value[key] ?? null) : null;
}
