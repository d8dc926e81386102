/** Mistakes at the command line that a command finds before it asks its node: what is said of them, and the exit code. */

import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'vitest'
import { inputFor } from '../../cli/commands/inference/infer-input.ts'
import { MediaFiles } from '../../cli/commands/inference/media.ts'
import { share } from '../../cli/commands/memory/sharing.ts'
import { hold } from '../../cli/commands/memory/spaces.ts'
import * as explain from '../../cli/commands/requests/explain.ts'
import { attach, cancel } from '../../cli/commands/requests/requests.ts'
import { readJson } from '../../cli/input.ts'
import type { Invocation } from '../../cli/invocation.ts'
import { Output } from '../../cli/output.ts'

const given = (args: string[], options = {}) =>
  ({ args, options, output: new Output({ json: false }) }) as unknown as Invocation

describe('a command that is given too much or too little', () => {
  it('gives one right alone in a space', async () => {
    for (const options of [
      { carry: true, write: true },
      { own: true, carry: true }
    ])
      await assert.rejects(share(given(['home', 'den'], options)), {
        code: 'USAGE',
        message: 'Give one of --write, --own and --carry.'
      })
  })

  it('wants one of the two parts of a space', async () => {
    for (const options of [{}, { newest: true, all: true }])
      await assert.rejects(hold(given(['home'], options)), { code: 'USAGE' })
  })

  it('names the list of answers where an id is none', async () => {
    for (const run of [attach, cancel, explain.run])
      await assert.rejects(run(given(['nonsense'])), {
        code: 'USAGE',
        message: 'nonsense is no id of an answer.',
        hint: 'See: lumos-node requests list'
      })
  })
})

describe('a file', () => {
  it('is named where it is not JSON', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lumos-usage-'))
    const path = join(folder, 'README.md')
    await writeFile(path, '# No JSON')
    await assert.rejects(readJson(`@${path}`), {
      code: 'USAGE',
      message: new RegExp(`^${path} is not JSON: `)
    })
    await assert.rejects(readJson('# No JSON'), { message: /^The input is not JSON: / })
    await rm(folder, { recursive: true })
  })

  it('that is not there may have been meant as a text, for another task of the model', async () => {
    const asked = (others: Parameters<typeof inputFor>[2]) =>
      inputFor('zero-shot-image-classification', ['a red five'], others)
    await assert.rejects(asked(['image-feature-extraction', 'feature-extraction']), {
      code: 'INVALID_INPUT',
      message: 'a red five cannot be read: there is no such file.',
      hint: 'zero-shot-image-classification takes a file; for text: --task feature-extraction'
    })
    await assert.rejects(asked(['image-feature-extraction']), { code: 'INVALID_INPUT', hint: undefined })
  })

  it('for the media of an answer that has none is refused with the way for its text', () => {
    assert.throws(() => new MediaFiles('t.txt', false).write(), {
      code: 'INVALID_INPUT',
      hint: 'Its text goes to a file in place of --out: > t.txt'
    })
  })
})
