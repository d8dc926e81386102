/** Cues of a recording as SubRip (`srt`) and WebVTT (`vtt`) write them. */

export interface Cue {
  readonly start_ms: number
  readonly end_ms: number
  readonly text: string
}

export const srtOf = (cues: readonly Cue[]): string =>
  cues.map((cue, i) => `${i + 1}\n${spanOf(cue, ',')}\n${lineOf(cue)}\n\n`).join('')

/** A player takes `<` and `&` in a cue for marks. */
export const vttOf = (cues: readonly Cue[]): string =>
  `WEBVTT\n\n${cues.map(cue => `${spanOf(cue, '.')}\n${escaped(lineOf(cue))}\n\n`).join('')}`

const spanOf = ({ start_ms, end_ms }: Cue, point: string): string =>
  `${timeOf(start_ms, point)} --> ${timeOf(end_ms, point)}`

/** A line end or an arrow in the words of a peer would begin a cue of its own. */
const lineOf = ({ text }: Cue): string => text.replace(/\s+/g, ' ').replaceAll('-->', '->').trim()

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

function timeOf(ms: number, point: string): string {
  const whole = Math.round(ms)
  const [hours, minutes, seconds] = [whole / 3_600_000, (whole / 60_000) % 60, (whole / 1000) % 60].map(
    part => String(Math.floor(part)).padStart(2, '0')
  )
  return `${hours}:${minutes}:${seconds}${point}${String(whole % 1000).padStart(3, '0')}`
}
