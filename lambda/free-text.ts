/** How much of a text from outside is examined: the rest is cut, and never reported. */
const MOST = 2_000;

const SECRETS: readonly (readonly [secret: RegExp, instead: string])[] = [
  // User info. A password may hold what ends the host elsewhere.
  [/([a-z][\w+.-]*:\/\/)(?:[^\s/?#@"'`<>]*|[^\s/?#@:"'`<>]*:(?!\d+[/?#])[^\s"'`<>]*)@/gi, '$1'],
  // The query and the fragment of a URL; go-getter takes one after an address without a scheme, too.
  [/([a-z][\w+.-]*:\/\/[^\s"'`<>?#]+)[?#][^\s"'`<>]*/gi, '$1'],
  [/\?[\w.-]+=[^\s"'`<>]*/g, ''],
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, '…'],
  [/-----BEGIN [\s\S]*?(?:-----END [^-]*-----|$)/g, '…'],
  [/((?:secret_?id|token|jwt|password|passwd|secret|authorization)"?[=:] ?"?)(?:bearer |basic )?[^\s",}]+/gi, '$1…'],
];

/**
 * What others say in free words, without what is no reader's business: any reader of the log, the report or the event bus may not know
 * the password in the URL of an artifact (`Failed Artifact Download` repeats it), nor the token that a proxy shows.
 */
export function withoutSecrets(text: string): string {
  // A word that is cut may be a secret that is known by its end.
  const some = text.length > MOST ? text.slice(0, MOST).replace(/\S*$/, '…') : text;
  return SECRETS.reduce((told, [secret, instead]) => told.replaceAll(secret, instead), some);
}
