import { request } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Certificate } from './certificates.ts';

/** A TLS server on loopback before a plain one, as Nomad itself is with `tls { http = true }`. */
export class TlsFront {
  readonly #server: Server;

  readonly #clientCa: string | undefined;

  private constructor(server: Server, clientCa: string | undefined) {
    this.#server = server;
    this.#clientCa = clientCa;
  }

  /** @param clientCa asks every client for a certificate of this authority, as `verify_https_client` does */
  static async before(plainUrl: string, certificate: Certificate, clientCa?: string): Promise<TlsFront> {
    const asking = clientCa ? { requestCert: true, rejectUnauthorized: true, ca: clientCa } : {};
    const server = createServer({ ...certificate, ...asking }, (incoming, outgoing) => {
      const { method, url, headers } = incoming;
      const onward = request(`${plainUrl}${url}`, { method, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      });
      onward.on('error', () => outgoing.destroy());
      outgoing.on('close', () => onward.destroy());
      incoming.pipe(onward);
    });
    server.on('tlsClientError', () => {});
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new TlsFront(server, clientCa);
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Serves this certificate from the next connection on. */
  renew(certificate: Certificate): void {
    this.#server.setSecureContext({ ...certificate, ...(this.#clientCa && { ca: this.#clientCa }) });
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
