/** Text of other devices, models and files: shown as text, whatever stands in it. */

/** Changes of direction, and characters that no reader sees. What shapes the letters beside it stays: it acts on nothing else. */
const HIDDEN = /(?!\u200c|\u200d|[\ufe00-\ufe0f])\p{Default_Ignorable_Code_Point}/gu
/** Tabs and line ends are for those who lay text out. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach the screen
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g

/** What is not seen, line ends and tabs apart. */
const UNSEEN = /(?![\n\t])[\p{Default_Ignorable_Code_Point}\p{Cc}\p{Zl}\p{Zp}]/gu

export const plain = (text: string): string => text.replace(HIDDEN, '').replace(CONTROL, '\ufffd')

/** With what is not seen as JSON spells it: for text that a person decides about. */
export const spelled = (text: string): string =>
  text.replace(UNSEEN, sign =>
    sign
      .split('')
      .map(unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join('')
  )

/** What is copied is what is seen: the next place may be a terminal. */
export const copy = (text: string): Promise<void> => navigator.clipboard.writeText(plain(text))

/** A name: its direction does not reach what stands beside it. */
export const Text = ({ of }: { readonly of: string | null | undefined }) => <bdi>{plain(of ?? '')}</bdi>

/** Text of several lines, as it was written. */
export const Passage = ({ of, class: name = '' }: { readonly of: string; readonly class?: string }) => (
  <div class={`passage ${name}`} dir="auto">
    {plain(of)}
  </div>
)
