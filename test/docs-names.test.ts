/** Each unit and each command has its place in the documents. Apart from `docs.test.ts`, which imports no code and so stays quick. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { createProgram } from '../cli/program.ts'
import { createUnits } from '../units/index.ts'
import { memoryTokens } from './gateway/memory-tokens.ts'

const DOCS = join(import.meta.dirname, '../docs')
const pages = readdirSync(DOCS).filter(name => name.endsWith('.md'))
const README = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8')

/** Names of all units. A unit asks its node for nothing but the schemas of events before it runs. */
function unitNames(): string[] {
  const node = { events: { schemas: new Map([['mesh.renamed', z.object({})]]) } } as never
  const { tokens } = memoryTokens()
  const units = createUnits({ node, gatewayUrl: () => undefined, rotateToken: () => 0, tokens, stop() {} })
  return units.list().map(({ name }) => name)
}

describe('the documents', () => {
  it('name each unit', () => {
    const text = pages.map(name => readFileSync(join(DOCS, name), 'utf8')).join('\n')
    expect(unitNames().length).toBeGreaterThan(100)
    expect(unitNames().filter(name => !text.includes(`\`${name}\``))).toEqual([])
  })

  it('have each command in the table of the README', () => {
    // The first cell has names in code: of commands, then of what is below them.
    const cells = README.split('\n').flatMap(line => /^\| (`.*?`) \| /.exec(line)?.[1] ?? [])
    const named = new Set(cells.flatMap(cell => [...cell.matchAll(/`([a-z]+)/g)].map(([, name]) => name)))
    const commands = createProgram(false).commands.map(command => command.name())
    expect(commands.filter(name => !named.has(name))).toEqual([])
  })
})
