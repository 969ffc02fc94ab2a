import { describe, expect, it } from 'vitest';
import { withoutSecrets } from '../../lambda/free-text.ts';

describe('what others say in free words is repeated without secrets', () => {
  it.each([
    [
      `failed to download artifact "https://ci:hunter2@art.example.com/a.tgz?token=hunter2": error downloading 'https://ci:hunter2@art.example.com/a.tgz': bad response code: 404`,
      `failed to download artifact "https://art.example.com/a.tgz": error downloading 'https://art.example.com/a.tgz': bad response code: 404`,
    ],
    ['git::https://hunter2@git.example.com/x.git?ref=main', 'git::https://git.example.com/x.git'],
    ['of "git@github.com:org/repo.git?sshkey=LS0hunter2=="', 'of "git@github.com:org/repo.git"'],
    ['s3::https://s3.amazonaws.com/b/k?aws_access_key_secret=hunter2&region=x', 's3::https://s3.amazonaws.com/b/k'],
    ['https://ci:hun/ter?2#@host.example.com/a', 'https://host.example.com/a'],
    ['https://host.example.com/a#hunter2', 'https://host.example.com/a'],
    ['HTTPS://CI:HUNTER2@host/', 'HTTPS://host/'],
    [
      'https://registry.example.com:5000/@scope/pkg@1.2 is gone',
      'https://registry.example.com:5000/@scope/pkg@1.2 is gone',
    ],
    ['{"AccessorID":"a","SecretID":"5ec2e7-hunter2","Name":"x"}', '{"AccessorID":"a","SecretID":"…","Name":"x"}'],
    ['{"SecretID":"5ec2e7-hunt', '{"SecretID":"…'],
    ['X-Nomad-Token: 5ec2e7-hunter2\nHost: x', 'X-Nomad-Token: …\nHost: x'],
    ['Authorization: Bearer hunter2', 'Authorization: …'],
    ['NOMAD_TOKEN=hunter2 DB_PASSWORD="hunter2"', 'NOMAD_TOKEN=… DB_PASSWORD="…"'],
    ['it says eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJl here', 'it says … here'],
    ['x -----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY----- y', 'x … y'],
    ['-----BEGIN PRIVATE KEY-----\nhunter2', '…'],
    // What helps an operator stays.
    ['ACL token not found', 'ACL token not found'],
    ['Exit Code: 1, Signal: 9', 'Exit Code: 1, Signal: 9'],
    [
      'node 5ec2e700-0000-4000-8000-000000000001: why? who knows',
      'node 5ec2e700-0000-4000-8000-000000000001: why? who knows',
    ],
  ])('%s', (text, told) => {
    expect(withoutSecrets(text)).toBe(told);
  });

  it('also where they say so much that only the beginning is repeated', () => {
    const told = withoutSecrets(`${'x '.repeat(995)}https://ci:hunter2hunter2@example.com/${'y'.repeat(5_000)}`);
    expect(told).toMatch(/^(x ){995}…$/);
  });

  it('in a time that grows with the length of what they say, not faster', () => {
    for (const part of [
      'a',
      'a:',
      '://',
      'a://',
      '@',
      '?',
      'a?',
      'eyJ',
      'eyJa.',
      'token',
      'token=',
      '-----BEGIN ',
      ' "',
    ]) {
      const began = performance.now();
      withoutSecrets(part.repeat(20_000));
      expect(performance.now() - began, part).toBeLessThan(500);
    }
  });
});
