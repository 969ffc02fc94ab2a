import { messageOf } from '../../core/basics.ts';

/** What verifies Nomad, and what identifies us. Certificates and the key are PEM. */
export interface Tls {
  /** The authority that signed Nomad's certificate. @default the public ones */
  ca?: string;
  /** Our own certificate and its key, if Nomad asks for one (`verify_https_client`). */
  cert?: string;
  key?: string;
  /** The name that Nomad's certificate is for, if it is not the host of the address: `server.global.nomad`. */
  serverName?: string;
}

const UNTRUSTED = [
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'CERT_SIGNATURE_FAILURE',
];

/** What is wrong with a certificate, and what to do about it; undefined if the error is of another kind. */
export function tlsProblem(error: unknown, { ca, cert, serverName }: Tls, host: string): string | undefined {
  const { code = '' } = error as { code?: string };
  if (UNTRUSTED.includes(code)) {
    return ca
      ? `its certificate is not signed by the configured CA (${code}): check the parameter of ca`
      : `its certificate is not signed by a public CA (${code}): configure ca`;
  }
  if (code === 'CERT_HAS_EXPIRED') return 'its certificate, or its CA, has expired: renew it on the Nomad servers';
  if (code === 'CERT_NOT_YET_VALID')
    return 'its certificate is not valid yet: check the clock of the machine that issued it';
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const names = (error as { cert?: { subjectaltname?: string } }).cert?.subjectaltname ?? 'no name';
    return `its certificate is for ${names}, not for ${serverName ?? host}: set serverName, e.g. server.global.nomad`;
  }
  if (/^ERR_SSL_.*ALERT/.test(code)) {
    return cert
      ? `it refuses our client certificate (${alertOf(code)}): check clientCertificate and clientKey, and their expiry`
      : `it asks for a client certificate (${alertOf(code)}): configure clientCertificate and clientKey`;
  }
  if (/wrong.version.number|packet.length.too.long/i.test(messageOf(error))) {
    return 'it does not speak TLS: is its address http://?';
  }
  if (/^ERR_(OSSL|SSL|TLS)_/.test(code)) return `TLS fails (${code}): ${messageOf(error)}`;
  return undefined;
}

const alertOf = (code: string) =>
  code
    .replace(/^ERR_SSL_(\w*?_)?ALERT_/, '')
    .replaceAll('_', ' ')
    .toLowerCase();
