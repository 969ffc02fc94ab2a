import { expect, test } from 'vitest';
import { readSettings } from '../../lib/settings/settings.ts';
import { cdkContext, problemsOf } from './stacks.ts';

const PEM = '-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIU\n-----END CERTIFICATE-----\n';
const SECRETS = {
  'the secret id of a token': '3e2a7f0c-5b1d-4c8e-9f6a-0d1b2c3d4e5f',
  'the same in capitals': '3E2A7F0C-5B1D-4C8E-9F6A-0D1B2C3D4E5F',
  'a signed token': 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl',
  PEM,
  'PEM with its lines written as \\n': PEM.replaceAll('\n', String.raw`\n`),
  'PEM in base64': Buffer.from(PEM).toString('base64'),
};

test.each(Object.entries(SECRETS))(
  'settings refuse a secret in place of the parameter that holds it, without saying it: %s',
  (_, secret) => {
    const settings = ['nomadToken', 'nomadCaParameter', 'nomadClientCertificateParameter', 'nomadClientKeyParameter'];
    const found = problemsOf(() =>
      readSettings({
        ...cdkContext,
        groups: 'builders',
        nomadAddress: 'https://nomad.internal:4646',
        ...Object.fromEntries(settings.map((name) => [name, secret])),
      }),
    );
    expect(found.map((problem) => problem.split(': ')[0])).toEqual(settings);
    for (const problem of found) expect(problem).toContain('is the secret or the certificate itself');
    for (const line of secret.trim().split('\n')) expect(found.join()).not.toContain(line);
  },
);
