import { setTimeout as wait } from 'node:timers/promises';
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
  /** Connects, with or without a certificate. */
  connect(presented?: Presented): Promise<Handshake>;
  /** Connects twice; the second time the session of the first is resumed. */
  resume(presented?: Presented): Promise<Handshake>;
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
      // The client knows by it that the server has accepted.
      socket.write('x');
      arrived.shift()?.(socket);
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const handshake = async (presented?: Presented, session?: Buffer): Promise<Handshake> => {
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
  };
  return {
    connect: async (presented) => await handshake(presented),
    resume: async (presented) => {
      const { client } = await handshake(presented);
      for (let attempt = 0; ; attempt++) {
        const again = await handshake(presented, client.getSession());
        if (again.client.isSessionReused()) return again;
        if (attempt === 100) throw new Error('no session was resumed');
        await wait(20); // the ticket comes after the handshake
      }
    },
    close: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
