import { connect, type TLSSocket } from 'node:tls';
import { messageOf } from '../../core/basics.ts';
import type { EpochMs, RunClock } from '../../core/model/clock.ts';
import type { ShownCertificate } from '../../core/queries/ports.ts';
import { type Tls, tlsProblem } from './tls.ts';

/** How long connecting may take, in milliseconds. */
const CONNECT_MS = 2_000;
const HTTPS_PORT = 443;

/** The certificate that a server shows, verified as for a question. Never throws: that it cannot be read is an answer too. */
export async function shownCertificate(address: string, tls: Tls, clock: RunClock): Promise<ShownCertificate> {
  const url = new URL(address);
  if (url.protocol !== 'https:') return { address, is: 'none' };
  try {
    const until = await handshake(url, tls, clock);
    return { address, is: 'valid', until, ownCa: tls.ca !== undefined };
  } catch (error) {
    const problem = tlsProblem(error, tls, url.hostname);
    return problem
      ? { address, is: 'untrusted', because: problem }
      : { address, is: 'unknown', because: messageOf(error) };
  }
}

/** @returns until when the certificate is valid */
async function handshake(url: URL, { serverName, ...certificates }: Tls, clock: RunClock): Promise<EpochMs> {
  const limit = clock.limit(CONNECT_MS);
  let socket: TLSSocket | undefined;
  try {
    return await new Promise<number>((resolve, reject) => {
      // Brackets are of the URL, not of the address.
      const host = url.hostname.replace(/^\[|\]$/g, '');
      const opened = connect({
        host,
        port: Number(url.port) || HTTPS_PORT,
        servername: serverName ?? (/^[\d.]+$|:/.test(host) ? '' : host),
        ...certificates,
      });
      socket = opened;
      opened.once('secureConnect', () => resolve(Date.parse(opened.getPeerCertificate().valid_to)));
      opened.once('error', reject);
      limit.signal.addEventListener('abort', () => reject(new Error('no connection within the time limit')));
    });
  } finally {
    limit.lift();
    socket?.destroy();
  }
}
