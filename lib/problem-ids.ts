/**
 * What may be wrong with the configuration document, each with the id that it is known by: to be looked up in
 * docs/construct.md, where every id of a warning and an error stands. The first that fits holds.
 */
const IDS: readonly (readonly [problem: RegExp, id: string])[] = [
  [/^groups: .* more than once/, 'nomad-drain-hook:groupTwice'],
  [/^groups: /, 'nomad-drain-hook:noGroup'],
  [/^groups\[\d+\]\.name: /, 'nomad-drain-hook:groupName'],
  [/^groups\[\d+\]\.hook: /, 'nomad-drain-hook:hookName'],
  [/^groups\[\d+\]\.heartbeatTimeoutSeconds: /, 'nomad-drain-hook:heartbeatTimeoutOutOfRange'],
  [/^policy\.deadlineSeconds: /, 'nomad-drain-hook:deadlineOutOfRange'],
  [/^policy\.killMarginSeconds: /, 'nomad-drain-hook:killMarginOutOfRange'],
  [/^policy\.graceSeconds: /, 'nomad-drain-hook:graceOutOfRange'],
  [/^nomad\.fallbackAddresses: /, 'nomad-drain-hook:tooManyAddresses'],
  [/^nomad\.fallbackAddresses\[\d+\]: .* same scheme/, 'nomad-drain-hook:mixedSchemes'],
  [/^nomad\.(address|fallbackAddresses\[\d+\]): /, 'nomad-drain-hook:badAddress'],
  [/^nomad\.login: .* token too/, 'nomad-drain-hook:tokenAndLogin'],
  [/^nomad\.(clientCertificate|clientKey): missing/, 'nomad-drain-hook:certificateWithoutKey'],
  [/^nomad\.\w+: needs an https/, 'nomad-drain-hook:httpsNeeded'],
  [/^nomad\.\w+\.parameter: is the secret/, 'nomad-drain-hook:secretGiven'],
  [/^nomad\..*: Too small/, 'nomad-drain-hook:emptyText'],
  // Whatever the types forbid: only JavaScript, or a cast, comes so far.
  [/^/, 'nomad-drain-hook:badValue'],
];

/** A problem of the configuration document with its id behind it. */
export function withId(problem: string): string {
  const [, id] = IDS.find(([pattern]) => pattern.test(problem)) ?? [];
  return `${problem} [${id}]`;
}
