import type { ControlOutput } from '../client.ts';
import { holdsAll, searchWords } from '../parts/words.ts';

/** Something that is open through the gateway. */
export type Connection = ControlOutput<'connections'>['items'][number];

/** What a connection may be, with the words of the filter. */
export const CONNECTION_KINDS: readonly { readonly value: Connection['kind']; readonly label: string }[] = [
  { value: 'http', label: 'HTTP' },
  { value: 'websocket', label: 'WebSocket' },
  { value: 'grpc', label: 'gRPC' },
  { value: 'tcp', label: 'TCP' },
];

/** Every word of the search has to occur in the person, app, path or address; an empty kind means any. */
export function filterConnections(
  connections: readonly Connection[],
  { search, kind }: { readonly search: string; readonly kind: string },
): readonly Connection[] {
  const words = searchWords(search);
  return connections.filter((connection) => {
    if (kind !== '' && connection.kind !== kind) return false;
    const { email, app, appId, path, address } = connection;
    return holdsAll([email, app, appId, path, address], words);
  });
}
