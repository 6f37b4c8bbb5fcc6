/**
 * What a terminal would act upon instead of showing: C0, DEL and C1 controls (escape sequences begin with one of them), lone
 * surrogates, and characters that reorder or hide text (bidirectional controls, line separators, byte order mark).
 */
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|\p{Cs}/gu;
const SPACES = /[\t\n\r]+/g;

/**
 * Makes text from outside safe to show: a name or an event must not move the cursor, rename the window, write to the clipboard or look
 * like a second line. What is taken out is shown as `�`, line ends and tabs as a space.
 */
export function clean(text: string): string {
  return text.replace(SPACES, ' ').replace(CONTROLS, '\ufffd');
}

/** JSON that means the same, in which no character acts upon a terminal: `JSON.stringify` leaves C1 and bidirectional controls as they are. */
export function safeJson(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, undefined, indent) ?? 'null';
  return text.replace(
    /[\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

const GRAPHEMES = new Intl.Segmenter('en', { granularity: 'grapheme' });
const INVISIBLE = /^[\p{Mn}\p{Me}\p{Cf}]+$/u;
/** Drawn two columns wide: emoji, Hangul, CJK and full-width forms. */
const WIDE =
  /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]/u;

function columnsOf(grapheme: string): number {
  return INVISIBLE.test(grapheme) ? 0 : WIDE.test(grapheme) ? 2 : 1;
}

/** How many columns clean text takes on a terminal. */
export function textWidth(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length;
  let columns = 0;
  for (const { segment } of GRAPHEMES.segment(text)) columns += columnsOf(segment);
  return columns;
}

/** Shortens clean text to at most `columns`, with `…` in place of what is missing. */
export function shorten(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  let kept = '';
  let left = columns - 1;
  for (const { segment } of GRAPHEMES.segment(text)) {
    left -= columnsOf(segment);
    if (left < 0) break;
    kept += segment;
  }
  return `${kept}…`;
}

/** Breaks clean text into lines of at most `columns`, between words where that is possible. At least one line. */
export function wrap(text: string, columns: number): string[] {
  if (textWidth(text) <= columns) return [text];
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (textWidth(longer) <= columns) {
      line = longer;
      continue;
    }
    if (line !== '') lines.push(line);
    line = '';
    for (const { segment } of GRAPHEMES.segment(word)) {
      if (line !== '' && textWidth(line + segment) > columns) {
        lines.push(line);
        line = '';
      }
      line += segment;
    }
  }
  return line === '' && lines.length > 0 ? lines : [...lines, line];
}

/** Fills clean text with spaces up to `columns`; `right` puts them before it. */
export function pad(text: string, columns: number, align: 'left' | 'right' = 'left'): string {
  const spaces = ' '.repeat(Math.max(0, columns - textWidth(text)));
  return align === 'left' ? text + spaces : spaces + text;
}
