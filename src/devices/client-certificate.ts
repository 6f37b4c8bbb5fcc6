import { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { keyThumbprintOf, thumbprintOf } from './thumbprint.ts';

/** A client's certificate that our authority signed, after the handshake has proven that the client holds its key. */
export interface ClientCertificate {
  readonly thumbprint: string;
  readonly keyThumbprint: string;
  /** Device the certificate names; undefined for the authority's server certificates. */
  readonly deviceId: string | undefined;
  /** The chain was valid, and meant for this use, at the time of the handshake. */
  readonly isAuthorized: boolean;
  readonly notBefore: number;
  readonly notAfter: number;
}

const DEVICE_NAME = /^URI:urn:cordon:device:(dev_[0-9a-z]+)$/;

/** Reads client certificates, each connection's once: the gateway asks for every request. */
export class ClientCertificates {
  readonly #root: X509Certificate;
  readonly #read = new WeakMap<Socket, { readonly certificate: ClientCertificate | undefined }>();

  /** `root` is the certificate of the authority, PEM. */
  constructor(root: string) {
    this.#root = new X509Certificate(root);
  }

  /** Undefined without TLS, without a certificate, and for those that others have signed. */
  of(socket: Socket): ClientCertificate | undefined {
    if (!hasHandshake(socket)) return undefined;
    const known = this.#read.get(socket);
    if (known !== undefined) return known.certificate;
    // INVARIANT: without a certificate there is no device, whatever the socket says of a session that it resumed.
    const presented = socket.getPeerX509Certificate();
    if (presented === undefined) return undefined;
    const certificate = this.#describe(presented, socket.authorized);
    this.#read.set(socket, { certificate });
    return certificate;
  }

  #describe(presented: X509Certificate, isAuthorized: boolean): ClientCertificate | undefined {
    try {
      if (!presented.checkIssued(this.#root) || !presented.verify(this.#root.publicKey)) return undefined;
      return {
        thumbprint: thumbprintOf(presented.raw),
        keyThumbprint: keyThumbprintOf(presented.publicKey),
        deviceId: DEVICE_NAME.exec(presented.subjectAltName ?? '')?.[1],
        isAuthorized,
        notBefore: presented.validFromDate.getTime(),
        notAfter: presented.validToDate.getTime(),
      };
    } catch {
      // Anybody may present a certificate with a key of a kind that cannot be read; ours all can.
      return undefined;
    }
  }
}

/** TLS sockets, and those by which another process of this Cordon passes on what arrived over TLS. */
function hasHandshake(socket: Socket): socket is TLSSocket {
  return 'getPeerX509Certificate' in socket;
}
