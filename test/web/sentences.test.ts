/** The node speaks English. What its codes mean is said in the language of the page. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ADVICE_CODES } from '../../interface/mesh.ts'
import { SENTENCES_ZH } from '../../web/words/sentences-zh.ts'

const ROOT = join(import.meta.dirname, '../..')
const textOf = (path: string) => readFileSync(join(ROOT, path), 'utf8')

describe('a page in Chinese', () => {
  it('says what each code of an error means', () => {
    const [, table = ''] = textOf('docs/http.md').split('| code | status | retryable |')
    const codes = [...table.matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, code]) => code)
    expect(codes.length).toBeGreaterThan(70)
    expect(Object.keys(SENTENCES_ZH.codes).sort()).toEqual(codes.sort())
  })

  it('says what each advice about the mesh means', () => {
    expect(Object.keys(SENTENCES_ZH.advice).sort()).toEqual([...ADVICE_CODES].sort())
  })

  it('says what each tool of the node does that the chat offers', () => {
    const [, table = ''] = /const UNITS = \[(.*?)\] satisfies/s.exec(textOf('web/chat/tools.ts')) ?? []
    const units = [...table.matchAll(/'([a-z_]+\.[a-z_]+)'/g)].map(([, name]) => name)
    expect(units.length).toBeGreaterThan(10)
    expect(Object.keys(SENTENCES_ZH.units).sort()).toEqual(units.sort())
  })

  it('says what each finding of the doctor means', () => {
    const files = [
      ...readdirSync(join(ROOT, 'node/doctor')).map(name => `node/doctor/${name}`),
      'cli/commands/node/doctor.ts'
    ]
    const found = files.flatMap(file =>
      [...textOf(file).matchAll(/\b(ok|warn|fail)\(\s*'(\w+)'/g)].map(
        ([, status, check]) => `${check}.${status}`
      )
    )
    expect(found.length).toBeGreaterThan(25)
    expect(Object.keys(SENTENCES_ZH.findings).sort()).toEqual([...new Set(found)].sort())
  })
})
