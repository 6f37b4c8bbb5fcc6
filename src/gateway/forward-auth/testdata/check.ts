import { delimited } from '../protobuf.ts';

/** Parts of a check; absent ones are left out of the message. */
export interface CheckParts {
  readonly source?: string;
  readonly method?: string;
  readonly path?: string;
  readonly host?: string;
  readonly scheme?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** As `encode_raw_headers` has them. */
  readonly raw?: readonly (readonly [string, string])[];
  /** More fields of the HTTP request. */
  readonly more?: Buffer;
}

/** Writes `envoy.service.auth.v3.CheckRequest` as Envoy does. */
export function checkOf({ source, headers = {}, raw, more = Buffer.alloc(0), ...texts }: CheckParts): Buffer {
  const numbers = { method: 2, path: 4, host: 5, scheme: 6 } as const;
  const http = Buffer.concat([
    ...Object.entries(numbers).flatMap(([part, number]) => {
      const text = texts[part as keyof typeof numbers];
      return text === undefined ? [] : [delimited(number, text)];
    }),
    ...Object.entries(headers).map(([name, value]) =>
      delimited(3, Buffer.concat([delimited(1, name), ...(value === '' ? [] : [delimited(2, value)])])),
    ),
    ...(raw === undefined
      ? []
      : [
          delimited(
            13,
            Buffer.concat(
              raw.map(([name, value]) => delimited(1, Buffer.concat([delimited(1, name), delimited(3, value)]))),
            ),
          ),
        ]),
    more,
  ]);
  const peer = source === undefined ? [] : [delimited(1, delimited(1, delimited(1, delimited(2, source))))];
  return delimited(1, Buffer.concat([...peer, delimited(4, delimited(2, http))]));
}
