/** What people read of answers and invitations: each figure of it is right. */

import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { answerText } from '../../cli/commands/inference/answer-text.ts'
import { printPieces } from '../../cli/commands/inference/pieces.ts'
import { embedded, vectorLines } from '../../cli/commands/inference/vectors.ts'
import { wordsFor } from '../../cli/commands/membership/invite.ts'
import { explained } from '../../cli/commands/requests/explain.ts'
import { Output } from '../../cli/output.ts'
import { definitionOf, type TaskName } from '../../interface/tasks/index.ts'

const MINUTE_MS = 60_000

function screen() {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  return {
    output: new Output({ json: false, stdout: stdout as never, stderr: stderr as never }),
    shown: async () => {
      stdout.end()
      stderr.end()
      return { stdout: await text(stdout), stderr: await text(stderr) }
    }
  }
}

async function printed(...pieces: unknown[]) {
  const { output, shown } = screen()
  async function* answer() {
    yield* pieces
    return { peer: 'den' } as never
  }
  await printPieces(answer(), output, false)
  return await shown()
}

describe('a terminal', () => {
  const said = 'den\u001b]0;owned\u0007 \u009b2J \u202e\u{e0041} \u0646\u200c\u0645'
  async function written(json: boolean, isTTY: boolean) {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()].map(stream =>
      Object.assign(stream, { isTTY })
    )
    const output = new Output({ json, utf8: true, stdout: stdout as never, stderr: stderr as never })
    output.data({ said }, () => `\u001b[1m${said}\u001b[22m`)
    output.note(said)
    stdout!.end()
    stderr!.end()
    return [await text(stdout!), await text(stderr!)]
  }

  it('is given colours, and no other letter that acts on it, by any line', async () => {
    const harmless = 'den ]0;owned   2J    \u0646\u200c\u0645'
    expect(await written(false, true)).toEqual([`\u001b[1m${harmless}\u001b[22m\n`, `${harmless}\n`])
    const [json] = await written(true, true)
    expect(json).toMatch(/^[\n\x20-\x7e\u0646\u200c\u0645]+$/)
    expect(JSON.parse(json!)).toEqual({ said })
  })

  it('is no file: programs get each letter as it is', async () => {
    expect(await written(true, false)).toEqual([`${JSON.stringify({ said })}\n`, `${said}\n`])
  })
})

describe('vectors', () => {
  const vectors = (...numbers: number[]) => Buffer.from(new Float32Array(numbers).buffer).toString('base64')

  it('are numbers, whole for programs and their beginning for people', () => {
    const two = embedded('feature-extraction', { dimensions: 2, vectors: vectors(0.5, -1, 0.25, 2) })!
    expect(two).toEqual({
      dimensions: 2,
      embeddings: [
        [0.5, -1],
        [0.25, 2]
      ]
    })
    expect(vectorLines(two)).toBe('[0.5000, -1.0000]\n[0.2500, 2.0000]')
    const long = embedded('feature-extraction', { dimensions: 8, vectors: vectors(1, 2, 3, 4, 5, 6, 7, 8) })!
    expect(vectorLines(long)).toBe('[1.0000, 2.0000, 3.0000, 4.0000, 5.0000, 6.0000, … 8 numbers]')
    expect(embedded('image-feature-extraction', { dimensions: 1, vectors: vectors(1) })).toBeDefined()
    expect(embedded('tensor', { dimensions: 2, vectors: '' })).toBeUndefined()
  })
})

describe('an answer about a picture', () => {
  const { output } = screen()

  it('is a table of labels, or of objects with the sides of their boxes', () => {
    expect(answerText({ labels: [{ label: 'cat', score: 0.75 }] }, output)).toBe(
      'LABEL  SCORE\ncat    0.7500'
    )
    const box = { xmin: 1, ymin: 2.5, xmax: 30, ymax: 4 }
    expect(answerText({ objects: [{ label: 'cat', score: 1, box }] }, output)).toBe(
      'LABEL  SCORE  XMIN  YMIN    XMAX  YMAX\ncat    1      1     2.5000  30    4'
    )
  })

  it('is what its task shows of it: the text that was read, the boxes of faces, one sentence of two faces', () => {
    const shown = (task: TaskName, answer: unknown) => answerText(definitionOf(task).shown!(answer), output)
    const line = (text: string) => ({ text, score: 1, quad: [] })
    expect(shown('text-recognition', { lines: [line('one'), line('two\u001b[2J')] })).toBe('one\ntwo [2J')
    const box = { xmin: 1, ymin: 2, xmax: 3, ymax: 4 }
    expect(shown('face-detection', { faces: [{ box, points: [], score: 0.5 }] })).toBe(
      'XMIN  YMIN  XMAX  YMAX  SCORE\n1     2     3     4     0.5000'
    )
    expect(shown('face-detection', { faces: [] })).toBe('No face was found.')
    expect(shown('face-verification', { similarity: 0.25, same: false })).toBe(
      'Two persons, with a similarity of 0.250.'
    )
  })

  it('is its words, without what would act on the terminal', () => {
    expect(answerText({ text: 'a cat\u001b[2J' }, output)).toBe('a cat [2J')
  })
})

describe('a request that is explained', () => {
  it('says who could be asked and why, and each step at its time', () => {
    const attempt = { from: 0, chunks: 0, first_chunk_ms: null }
    const words = explained({
      ...{ request_id: 'r', policy: 'balanced', more: 0, outcome: 'answered', duration_ms: 900 },
      candidates: [
        {
          ...{ peer_id: 'A', name: 'attic', model: 'm', cost_ms: 250, joules_per_token: 0.4, fate: 'asked' },
          parts: [{ reason: 'not measured yet', ms: 100 }]
        },
        { peer_id: 'B', name: 'den', model: 'm', cost_ms: 300, parts: [], fate: 'asked' },
        { peer_id: 'C', name: 'shed', model: 'm', cost_ms: null, parts: [], fate: 'ejected' },
        { peer_id: 'D', name: 'watch', model: 'm', cost_ms: null, parts: [], fate: 'too_small' }
      ],
      attempts: [
        {
          ...attempt,
          peer_id: 'A',
          started_ms: 0,
          first_chunk_ms: 300,
          chunks: 4,
          ended_ms: 500,
          outcome: 'PEER_UNREACHABLE'
        },
        { ...attempt, peer_id: 'B', started_ms: 250, ended_ms: 310, outcome: 'CANCELLED' },
        {
          ...attempt,
          peer_id: 'B',
          started_ms: 500,
          first_chunk_ms: 20,
          from: 4,
          chunks: 2,
          ended_ms: 900,
          outcome: 'answered'
        }
      ]
    })
    expect(words.split('\n')).toEqual([
      'Policy balanced: answered after 900 ms.',
      'Candidates, the best first:',
      '  attic with m: 250 ms, 0.4 J a token (not measured yet 100 ms); was asked',
      '  den with m: 300 ms (); was asked',
      '  shed with m: left out; had failed too often',
      '  watch with m: left out; has no room for it in its context',
      'What happened:',
      '  0.0 ms  attic is asked',
      '  250 ms  den is asked, beside the one before',
      '  300 ms  attic gives piece 0',
      '  310 ms  den: ended with CANCELLED, no pieces',
      '  500 ms  attic: ended with PEER_UNREACHABLE, pieces 0 to 3',
      '  500 ms  den is asked to go on from piece 4, in place of the one before',
      '  520 ms  den gives piece 4',
      '  900 ms  den: answered, pieces 4 to 5'
    ])
  })
})

describe('an answer on a terminal', () => {
  it('says each step of the progress once, as a share where the whole is known', async () => {
    const step = (done: number, total?: number) => ({ type: 'progress', stage: 'loading', done, total })
    const { stderr } = await printed(step(1, 300), step(2, 300), step(150, 300), step(7), step(7, 0))
    expect(stderr).toBe('loading: 0 %\nloading: 50 %\nloading: 7\n')
  })

  it('says how large each medium is, from all its pieces', async () => {
    const data = (part: number, chars: number) => ({
      type: 'data',
      part,
      mime: `image/${part}`,
      bytes: 'x'.repeat(chars)
    })
    const { stdout, stderr } = await printed(data(0, 400), data(1, 8), data(0, 400))
    expect(stdout).toBe('')
    expect(stderr.split('\n')).toEqual([
      'About 600 bytes of image/0: --json and --jsonl print them, and infer --out writes them.',
      'About 6 bytes of image/1: --json and --jsonl print them, and infer --out writes them.',
      ''
    ])
  })

  it('says each call of a tool whole, in one line', async () => {
    const call = (index: number, name?: string, words?: string) => ({
      type: 'delta',
      tool_calls: [{ index, name, arguments: words }]
    })
    const { stderr } = await printed(
      call(0, 'look', '{"a":'),
      call(1, 'add', '1'),
      call(0, undefined, '\n2}'),
      call(1)
    )
    expect(stderr).toBe('The model calls look({"a": 2}).\nThe model calls add(1).\n')
  })

  it('ends its last line, and no line that is ended', async () => {
    expect((await printed({ type: 'text', text: 'yes' })).stdout).toBe('yes\n')
    expect((await printed({ type: 'delta', text: 'yes\n' })).stdout).toBe('yes\n')
  })
})

describe('an invitation on a terminal', () => {
  const words = (minutes: number, left_out: string[], file?: string) =>
    wordsFor(
      { code: 'lumos:code', role: 'member', expires_at_ms: Date.now() + minutes * MINUTE_MS, left_out },
      file,
      screen().output
    )

  it('says for how long, and what to type there', () => {
    expect(words(15, [])).toMatch(
      /^For one device, as member, within 15 min\..*\n\n.*lumos-node join lumos:code/
    )
    expect(words(15, [], 'a.txt')).toMatch(/lumos-node join @a\.txt/)
  })

  it('says which addresses the code leaves out, one as well as several', () => {
    expect(words(1, [])).not.toContain('no room')
    expect(words(1, ['/ip4/192.0.2.1'])).toMatch(
      /no room for these addresses of this device: \/ip4\/192\.0\.2\.1\n/
    )
    expect(words(1, ['a', 'b'])).toMatch(/: a, b\n/)
  })
})
