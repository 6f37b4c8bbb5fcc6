import { type IncomingHttpHeaders, request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Json } from '#base';
import { type ApiBench, type BenchOptions, HOSTS, openApiBench } from '../../testdata/api-bench.ts';
import { callLocal } from '../../testdata/browser.ts';

const DOCUMENT = `authzen:
  models:
    library:
      schema: library/library.cedarschema
      policies: library/policies
      entities: library/entities.json
      namespace: Library
      types:
        reader: { entity: Reader, properties: { mail: email, fines: fines } }
        book: { entity: Book, properties: { title: title, rated: minimumAge } }
        branch: { entity: Branch }
      actions:
        browse: { action: browse }
        borrow: { action: borrow, properties: { via: channel }, context: { age: age } }
        audit: { action: audit }
`;

type Body = Record<string, Json>;

/** A question about the library. */
export function question(subject: string, action: string, resource: string, more: Body = {}): Body {
  return {
    subject: { type: 'reader', id: subject },
    action: { name: action },
    resource: { type: 'book', id: resource },
    context: { age: 30 },
    ...more,
  };
}

/** An answer of the decision point. */
export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The text as JSON. */
  json<T = Record<string, Json>>(): T;
}

/** How a request differs from a good one. */
export interface AskOptions {
  readonly key?: string | undefined;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The whole API with a model of a library and a client that may ask about it and about Cordon's own apps. */
export interface DecisionBench extends ApiBench {
  readonly key: string;
  readonly clientId: string;
  /** Sends a body; text is sent as it is. */
  ask(path: string, body: Json | Buffer | undefined, options?: AskOptions): Promise<Answered>;
  /** Makes another client; answers with its key and id. */
  addClient(name: string, models: readonly string[]): Promise<{ readonly key: string; readonly id: string }>;
}

/** Opens a bench. */
export async function openDecisionBench(options: BenchOptions = {}): Promise<DecisionBench> {
  const bench = await openApiBench({ document: DOCUMENT, directory: import.meta.dirname, ...options });
  const addClient = async (name: string, models: readonly string[]): Promise<{ key: string; id: string }> => {
    const reply = await callLocal(bench, '/api/authzen/clients', { method: 'POST', body: { name, models } });
    const { key, client } = reply.json<{ key: string; client: { id: string } }>();
    return { key, id: client.id };
  };
  const { key, id } = await addClient('first', ['library', 'cordon']);
  return {
    ...{ ...bench, key, clientId: id, addClient },
    ask: async (path, body, { method = 'POST', headers = {}, ...rest } = {}) => {
      const used = 'key' in rest ? rest.key : key;
      return await exchange(
        {
          ...{ host: '127.0.0.1', port: bench.port, path, method, agent: false },
          headers: {
            host: HOSTS.decisions,
            'content-type': 'application/json',
            ...(used === undefined ? {} : { authorization: `Bearer ${used}` }),
            ...headers,
          },
        },
        body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
      );
    },
  };
}

async function exchange(options: object, body: string | Buffer | undefined): Promise<Answered> {
  return await new Promise((resolve, reject) => {
    request(options, (response) => {
      text(response).then((read) => {
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text: read,
          json: <T>() => JSON.parse(read) as T,
        });
      }, reject);
    })
      .on('error', reject)
      .end(body);
  });
}
