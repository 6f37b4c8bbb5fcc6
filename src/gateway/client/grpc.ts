import type { ClientEnd } from '../client-end.ts';

/** Codes of gRPC that refusals have, by status of HTTP. @see https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md */
const CODES: Readonly<Record<number, number>> = {
  400: 13,
  401: 16,
  403: 7,
  404: 12,
  405: 12,
  421: 14,
  429: 14,
  500: 13,
};
const UNAVAILABLE = 14;
/** Not `application/grpc-web`, which browsers speak: it has no fields after its body. */
const TYPE = /^application\/grpc(?:$|[+;])/;

/** True for a call of gRPC: its answer ends with fields that say how it went, also when it was cut. */
export function isGrpc(client: Pick<ClientEnd, 'protocol' | 'header'>): boolean {
  return client.protocol === 'h2' && TYPE.test(client.header('content-type') ?? '');
}

/** The fields that say how a call went, as a refusal with this status of HTTP. */
export function grpcFields(status: number, message: string): string[] {
  const text = encodeURIComponent(message.toWellFormed())
    .replaceAll('%20', ' ')
    .replaceAll('%3A', ':')
    .replaceAll('%2C', ',');
  return ['grpc-status', String(CODES[status] ?? UNAVAILABLE), 'grpc-message', text];
}
