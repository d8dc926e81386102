/** Formats of audio that are not decoded here, by the first bytes of a file: so that an error can name them. */

import { InvalidInputError } from '../../../interface/errors.ts'

const BEGINNINGS: readonly [beginning: RegExp, name: string][] = [
  [/^fLaC/, 'FLAC'],
  [/^OggS/, 'Ogg'],
  [/^(?:ID3|\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff])/, 'MP3'],
  [/^\xff[\xf0\xf1\xf8\xf9]/, 'AAC'],
  [/^.{4}ftyp/s, 'MP4'],
  [/^.E\xdf\xa3/s, 'WebM'],
  [/^FORM.{4}AIF/s, 'AIFF'],
  [/^(?:RF64|BW64)/, 'a WAV file of more than 4 GB'],
  [/^RIFX/, 'a WAV file in another order of bytes'],
  [/^\.snd/, 'AU'],
  [/^#!AMR/, 'AMR'],
  [/^caff/, 'CAF']
]
const LOOKED_AT_BYTES = 16
const WAV_BEGINNING = /^RIFF.{4}WAVE/s

/** @throws {InvalidInputError} when `encoded` is no WAV file, with the name of its format where it is known. */
export function checkFormat(encoded: Uint8Array): void {
  if (encoded.byteLength === 0) throw notRead('holds no bytes')
  const head = Buffer.from(encoded.subarray(0, LOOKED_AT_BYTES)).toString('latin1')
  if (WAV_BEGINNING.test(head)) return
  const name = BEGINNINGS.find(([beginning]) => beginning.test(head))?.[1]
  if (name === undefined) throw notRead('is no WAV file')
  throw notRead(
    `is ${name}, which is not decoded. Convert it to WAV, with "ffmpeg -i INPUT -ac 1 -ar 16000 output.wav"`
  )
}

/** What is wrong with a recording. */
export const notRead = (what: string): InvalidInputError =>
  new InvalidInputError(`The recording ${what}.`, { details: { field: 'input.audio' } })
