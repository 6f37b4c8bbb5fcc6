import { connect, createServer, type TLSSocket } from 'node:tls';
import type { AddressInfo } from 'node:net';
import type { Authority } from '#devices';

/** What a client presents: a PEM chain and its key. */
export interface Presented {
  readonly certificate: string;
  readonly pem: string;
}

/** Both ends of a TLS connection. */
export interface Handshake {
  /** The server's end: what `deviceOf` is asked about. */
  readonly server: TLSSocket;
  readonly client: TLSSocket;
}

/** A TLS listener made as the server makes it, which accepts every client and verifies it against the authority. */
export interface Handshakes {
  /** Connects, with or without a certificate. `session` resumes an earlier one. */
  connect(presented?: Presented, session?: Buffer): Promise<Handshake>;
  close(): Promise<void>;
}

/** Opens a listener on a port of this machine. */
export async function openHandshakes(authority: Authority): Promise<Handshakes> {
  const { certificate, key } = await authority.issueServer(['agent.localhost']);
  const open = new Set<TLSSocket>();
  const arrived: ((socket: TLSSocket) => void)[] = [];
  const server = createServer(
    { cert: certificate, key, ca: authority.certificate, requestCert: true, rejectUnauthorized: false },
    (socket) => {
      open.add(socket.on('error', () => undefined));
      // A byte for the client, which makes it read the session tickets before it.
      socket.write('x');
      arrived.shift()?.(socket);
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    connect: async (presented, session) => {
      const accepted = new Promise<TLSSocket>((resolve) => arrived.push(resolve));
      const client = connect({
        host: '127.0.0.1',
        port,
        servername: 'agent.localhost',
        ca: authority.certificate,
        ...(presented === undefined ? {} : { cert: presented.certificate, key: presented.pem }),
        ...(session === undefined ? {} : { session }),
      });
      open.add(client);
      await new Promise<void>((resolve, reject) => {
        client.on('error', reject).once('data', () => resolve());
      });
      return { server: await accepted, client };
    },
    close: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
