// Characters of text of others that cannot be seen, or that turn the direction of what
// follows ("Trojan Source"): they hide text, split words, and make one text look like another.

/**
 * Each such character, for replace and matchAll of a whole text: what Unicode lets be
 * ignored when it is shown (all that turns directions, fillers, variation selectors, tags),
 * separators of lines, annotations between lines, and joiners of hieroglyphs. The two joiners
 * stay, which letters and emoji need, and one sign that a character is to be an emoji,
 * behind a character that can be one. Format characters that have a shape, such as the
 * Arabic sign of a year, are none.
 */
export const INVISIBLE =
  /(?![\u200c\u200d]|(?<=\p{Extended_Pictographic})\ufe0f|(?<=[0-9#*])\ufe0f\u20e3)[\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}\ufff9-\ufffb\u{13430}-\u{1343f}]/gu;

/** A text without them, for places that show one plain line and for the clipboard. */
export function plain(text: string): string {
  return text.replace(INVISIBLE, '');
}

/** Their name, such as U+202E. */
export function named(character: string): string {
  return 'U+' + character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
}
