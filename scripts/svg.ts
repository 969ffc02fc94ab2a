/** A text as an element of an SVG holds it. Not for attributes: quotes stay. */
export const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
