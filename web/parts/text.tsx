/** Text of other devices, models and files: shown as text, whatever stands in it. */

/** Changes of direction, and characters that no reader sees. */
const HIDDEN = /[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad]/g
/** Tabs and line ends are for those who lay text out. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach the screen
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g

export const plain = (text: string): string => text.replace(HIDDEN, '').replace(CONTROL, '\ufffd')

/** A name: its direction does not reach what stands beside it. */
export const Text = ({ of }: { readonly of: string | null | undefined }) => <bdi>{plain(of ?? '')}</bdi>

/** Text of several lines, as it was written. */
export const Passage = ({ of, class: name = '' }: { readonly of: string; readonly class?: string }) => (
  <div class={`passage ${name}`} dir="auto">
    {plain(of)}
  </div>
)
