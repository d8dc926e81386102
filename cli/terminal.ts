/** What a terminal can show. */

/** Where nothing is set, as in containers, terminals show UTF-8 all the same. Windows and macOS always do. */
export function showsUtf8(
  env: Readonly<Record<string, string | undefined>> = process.env,
  platform = process.platform
): boolean {
  // The first that is set counts: https://pubs.opengroup.org/onlinepubs/9799919799/basedefs/V1_chap08.html
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG
  return platform !== 'linux' || !locale || /utf-?8/i.test(locale)
}

/** Signs of ours that have a likeness in ASCII. */
const LIKE: Readonly<Record<string, string>> = {
  '\u2026': '...',
  '\u2013': '-',
  '\u00d7': 'x',
  '\u00a0': ' '
}

/** For a terminal that would show other characters in their place. */
export const ascii = (text: string): string =>
  // A letter with its marks is one sign to a person.
  text.normalize('NFC').replace(/\P{ASCII}\p{M}*/gu, sign => LIKE[sign] ?? '?')

/** Whether it has a cursor that can be placed. */
export const drawsScreens = (env: Readonly<Record<string, string | undefined>> = process.env): boolean =>
  env.TERM !== 'dumb'

/** Whether a browser that is started here has a screen to show itself on. */
export const hasScreen = (): boolean =>
  process.platform !== 'linux' || [process.env.DISPLAY, process.env.WAYLAND_DISPLAY].some(Boolean)
