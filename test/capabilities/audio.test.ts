/** Recordings as engines read and write them: pure, and hostile ones. */

import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { keptFrames, phrasesOf, stretchesOf, wordsOf } from '../../capabilities/engines/audio/ctc.ts'
import { samplesOf } from '../../capabilities/engines/audio/recording.ts'
import { sentencesOf } from '../../capabilities/engines/audio/sentences.ts'
import { speechIn } from '../../capabilities/engines/audio/speech-segments.ts'
import { writeWav } from '../../capabilities/engines/audio/write-wav.ts'
import { InvalidInputError, LumosError } from '../../interface/errors.ts'
import { chunkOf, tone, wavFile } from './wav-files.ts'

const RATE = 16_000
const read = (file: Uint8Array, rate = RATE) => samplesOf(file, { rate })
const refused = async (file: Uint8Array, why: RegExp) =>
  assert.rejects(read(file), (err: unknown) => {
    assert.ok(err instanceof InvalidInputError)
    assert.match(err.message, why)
    return true
  })

describe('a WAV file', () => {
  const bytes = (...values: number[]) => Uint8Array.from(values)
  const floats = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer)

  it.each([
    ['8 bits', { bits: 8, body: bytes(0, 128, 192) }, [-1, 0, 0.5]],
    ['16 bits', { body: bytes(0, 0x80, 0, 0, 0, 0x40) }, [-1, 0, 0.5]],
    ['24 bits', { bits: 24, body: bytes(0, 0, 0x80, 0, 0, 0, 0, 0, 0x40) }, [-1, 0, 0.5]],
    ['32 bits', { bits: 32, body: bytes(0, 0, 0, 0x80, 0, 0, 0, 0x40) }, [-1, 0.5]],
    [
      'floats, cut to what can be played',
      { code: 3, bits: 32, body: floats(-0.25, 0.5, 7) },
      [-0.25, 0.5, 1]
    ],
    ['floats of 64 bits', { code: 3, bits: 64, body: new Uint8Array(Float64Array.of(0.25).buffer) }, [0.25]],
    ['A-law', { code: 6, bits: 8, body: bytes(0xaa, 0x2a, 0xd5) }, [32256, -32256, 8].map(v => v / 0x8000)],
    ['mu-law', { code: 7, bits: 8, body: bytes(0x80, 0x00, 0xff) }, [32124, -32124, 0].map(v => v / 0x8000)],
    ['two channels, mixed', { channels: 2, body: bytes(0, 0x40, 0, 0xc0, 0, 0x40, 0, 0x40) }, [0, 0.5]],
    [
      'other chunks before its samples',
      { before: chunkOf('LIST', bytes(1, 2, 3, 0)), body: bytes(0, 0x40) },
      [0.5]
    ],
    ['half a sample at its end', { body: bytes(0, 0x40, 9) }, [0.5]],
    ['a length that its program did not know', { stated: 0x7fff_f000, body: bytes(0, 0x40) }, [0.5]],
    ['4 GB by its head, of which little is there', { stated: 0xffff_ffff, body: bytes(0, 0x40) }, [0.5]]
  ])('is read with %s', async (_, file, samples) => {
    const got = await read(wavFile(file))
    assert.equal(got.length, samples.length)
    for (const [at, sample] of samples.entries()) assert.ok(Math.abs(got[at]! - sample) < 1e-6, `${[...got]}`)
  })

  it.each([
    ['nothing', new Uint8Array(), /no bytes/],
    ['a text', Buffer.from('Hello, this is no sound at all'), /no WAV file/],
    ['FLAC', Buffer.from('fLaC0000000000000000'), /is FLAC.*Convert it to WAV/],
    ['MP3', Buffer.from('ID3\x04000000000000000'), /is MP3/],
    ['Ogg', Buffer.from('OggS0000000000000000'), /is Ogg/],
    ['MP4', Buffer.from('\0\0\0 ftypM4A 00000000'), /is MP4/],
    ['its head alone', wavFile({}).subarray(0, 12), /has no samples/],
    ['a form that is cut', wavFile({ formatBytes: 8 }), /does not say the form/],
    [
      'samples before their form',
      Buffer.concat([wavFile({}).subarray(0, 12), chunkOf('data', bytes(1, 2))]),
      /before their form/
    ],
    ['fewer samples than its head says', wavFile({ stated: 1_000_000 }), /states 1000000 bytes.*cut/],
    [
      'a chunk that ends after the file',
      wavFile({ before: chunkOf('LIST', bytes(1, 2), 0xffff_fff0) }),
      /cut in its chunk "LIST"/
    ],
    [
      'chunks without end',
      wavFile({ before: Buffer.concat(Array(1001).fill(chunkOf('junk', bytes()))) }),
      /more than 1000 chunks/
    ],
    ['no sample', wavFile({ body: bytes() }), /holds no samples/],
    ['no samples a second', wavFile({ rate: 0 }), /has 0 samples a second/],
    ['a sample an hour', wavFile({ rate: 1 }), /has 1 samples a second/],
    ['more samples a second than sounds have', wavFile({ rate: 0xffff_ffff }), /samples a second/],
    ['no channel', wavFile({ channels: 0 }), /0 channels/],
    ['more channels than bytes', wavFile({ channels: 65_535 }), /65535 channels/],
    ['a form that is not read', wavFile({ code: 2, bits: 4 }), /form 2 with 4 bits/],
    ['a sample that is no number', wavFile({ code: 3, bits: 32, body: floats(Number.NaN) }), /no number/],
    ['infinite samples', wavFile({ code: 3, bits: 32, body: floats(Number.POSITIVE_INFINITY) }), /no number/],
    [
      'an hour in a few bytes for each second',
      wavFile({ bits: 8, rate: 4000, body: new Uint8Array(4000 * 1801) }),
      /lasts 1801 seconds; the limit is 1800/
    ]
  ])('is refused with %s', async (_, file, why) => refused(file, why))

  it('is read or refused with a reason, whatever bytes it holds', async () => {
    const right = wavFile({ body: tone(440, { seconds: 0.001 }) })
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(right.length - 1), fc.nat(255)), { maxLength: 8 }),
        fc.nat(right.length),
        async (changes, length) => {
          const file = Buffer.from(right.subarray(0, length))
          for (const [at, value] of changes) if (at < length) file[at] = value
          try {
            const samples = await read(file)
            assert.ok(samples.every(sample => sample >= -1.2 && sample <= 1.2))
          } catch (err) {
            if (!(err instanceof LumosError)) throw err
          }
        }
      ),
      { numRuns: 300 }
    )
  })

  it('is written as it is read', async () => {
    const samples = Float32Array.of(0, 0.5, -0.5, 1, -1, 3)
    const got = await read(writeWav(samples, RATE))
    for (const [at, sample] of [0, 0.5, -0.5, 1, -1, 1].entries())
      assert.ok(Math.abs(got[at]! - sample) < 1e-4)
  })

  it('ends with its request', async () => {
    const controller = new AbortController()
    controller.abort(new Error('left'))
    const file = wavFile({ rate: 8000, body: tone(100, { rate: 8000 }) })
    await assert.rejects(samplesOf(file, { rate: RATE, signal: controller.signal }), /left/)
  })
})

describe('another number of samples a second', () => {
  /** Of a tone, away from both ends. */
  const strength = (samples: Float32Array) => {
    const middle = samples.subarray(samples.length / 4, (samples.length * 3) / 4)
    return Math.sqrt(middle.reduce((sum, sample) => sum + sample * sample, 0) / middle.length) * Math.SQRT2
  }
  const through = (rate: number, hertz: number) =>
    read(wavFile({ rate, body: tone(hertz, { rate, seconds: 0.25 }) }))

  it.each([8000, 11_025, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000, 44_099])(
    'keeps a tone of 1,000 hertz as it was at %i',
    async rate => {
      const samples = await through(rate, 1000)
      assert.equal(samples.length, RATE / 4)
      for (let at = 1000; at < 3000; at++) {
        const wanted = 0.5 * Math.sin((2 * Math.PI * 1000 * at) / RATE)
        assert.ok(Math.abs(samples[at]! - wanted) < 2e-3, `${at}: ${samples[at]} for ${wanted}`)
      }
    }
  )

  it('keeps five sixths of the band, and lets no tone above it come back as another', async () => {
    const passed = strength(await through(48_000, 6600))
    assert.ok(Math.abs(passed - 0.5) < 0.006, `${passed}`)
    for (const hertz of [8100, 9000, 12_000, 15_000, 23_000]) {
      const left = strength(await through(48_000, hertz))
      assert.ok(left < 0.5e-3, `${hertz}: ${left}`)
    }
  })
})

describe('segments of speech', () => {
  const WINDOW_MS = 32
  const options = { windowMs: WINDOW_MS, threshold: 0.5, minSpeechMs: 0, minSilenceMs: 0, padMs: 0 }
  const spans = (probabilities: readonly number[], more: object = {}) => {
    const durationMs = probabilities.length * WINDOW_MS
    return speechIn(Float32Array.from(probabilities), { ...options, durationMs, ...more })
  }

  it('begin at the threshold, end below one that is lower, and bridge short pauses', () => {
    assert.deepEqual(spans([0, 0.9, 0.4, 0.9, 0.1, 0]), [{ startMs: 32, endMs: 128 }])
    assert.deepEqual(spans([0.9, 0.1, 0.9], { minSilenceMs: 64 }), [{ startMs: 0, endMs: 96 }])
    assert.deepEqual(spans([0.9, 0.1, 0.1, 0.9], { minSilenceMs: 64 }), [
      { startMs: 0, endMs: 32 },
      { startMs: 96, endMs: 128 }
    ])
    assert.deepEqual(spans([0.9, 0, 0.9, 0.9], { minSpeechMs: 33 }), [{ startMs: 64, endMs: 128 }])
    assert.deepEqual(spans([0, 0.9, 0, 0.9, 0], { padMs: 30 }), [
      { startMs: 2, endMs: 80 },
      { startMs: 80, endMs: 158 }
    ])
    assert.deepEqual(spans([]), [])
  })

  it('are in order, apart, within the recording and long enough; all that is certain lies in one', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 60 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.nat(200),
        fc.nat(200),
        fc.nat(60),
        (probabilities, threshold, minSpeechMs, minSilenceMs, padMs) => {
          const found = spans(probabilities, { threshold, minSpeechMs, minSilenceMs, padMs })
          let before = 0
          for (const { startMs, endMs } of found) {
            assert.ok(before <= startMs && startMs < endMs && endMs <= probabilities.length * WINDOW_MS)
            assert.ok(endMs - startMs >= minSpeechMs - 1)
            before = endMs
          }
          if (minSpeechMs > 0) return
          for (const [window, probability] of Float32Array.from(probabilities).entries()) {
            if (probability < threshold) continue
            const [from, to] = [window * WINDOW_MS, (window + 1) * WINDOW_MS]
            assert.ok(found.some(({ startMs, endMs }) => startMs <= from && to <= endMs))
          }
        }
      )
    )
  })
})

describe('what is said', () => {
  const BLANK = 0
  const BETWEEN = 1
  const words = (frames: readonly number[]) =>
    wordsOf(frames, 20, { silent: new Set([BLANK]), between: BETWEEN })

  it('is read letter by letter: one that goes on is one, and a blank lies between two', () => {
    assert.deepEqual(words([0, 5, 5, 0, 5, 1, 1, 0, 6, 0]), [
      { ids: [5, 5], startMs: 20, endMs: 100 },
      { ids: [6], startMs: 160, endMs: 180 }
    ])
    assert.deepEqual(
      words([5, 1, 5]).map(({ ids }) => ids),
      [[5], [5]]
    )
    assert.deepEqual(words([0, 1, 0]), [])
  })

  it('is one segment until a pause', () => {
    const said = [
      { startMs: 0, endMs: 100, text: 'a' },
      { startMs: 200, endMs: 300, text: 'b' },
      { startMs: 900, endMs: 950, text: 'c' }
    ]
    assert.deepEqual(phrasesOf(said), [{ startMs: 0, endMs: 300, text: 'a b' }, said[2]])
  })

  it('is heard in stretches of which each sample counts once', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2000 }), fc.integer({ min: 0, max: 20 }), (length, overlap) => {
        let next = 0
        for (const stretch of stretchesOf(length, 100, overlap)) {
          assert.ok(stretch.from <= stretch.keptFrom && stretch.keptTo <= stretch.to)
          assert.ok(stretch.to - stretch.from <= 100 && stretch.to > stretch.from)
          assert.equal(stretch.keptFrom, next)
          next = stretch.keptTo
          const [first, last] = keptFrames(stretch, 50)
          assert.ok(0 <= first && first <= last && last <= 50)
        }
        assert.equal(next, length)
      })
    )
  })

  it('is spoken sentence by sentence, a long one in parts, with every word', () => {
    assert.deepEqual(sentencesOf(' One. Two!\nThree '), ['One.', 'Two!', 'Three'])
    assert.deepEqual(sentencesOf(' \n '), [])
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 900 }), text => {
        const parts = sentencesOf(text)
        assert.ok(parts.every(part => part.length > 0 && part.length <= 300 && part.isWellFormed()))
        assert.equal(parts.join('').replace(/\s/g, ''), text.replace(/\s/g, ''))
      }),
      { numRuns: 50 }
    )
  })
})
