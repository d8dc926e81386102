/**
 * `docs/settings.md` is made of the schema of the settings. Make it anew after a change of them:
 * `npm run test:only -- test/settings-page.test.ts -u`
 */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import * as z from 'zod'
import { FEATURES, sectionsOf } from '../node/features.ts'
import { envNameOf, flagOf, knownSettings, type Setting } from '../node/settings/config-schema.ts'

const SCHEMA = join(import.meta.dirname, '../node/settings/config-schema.ts')
const PAGE = join(import.meta.dirname, '../docs/settings.md')

const INTRODUCTION = `# Settings

This page is made of the schema in \`node/settings/config-schema.ts\`.

A setting comes from a flag of \`start\`, else from an environment variable, else from the file \`lumos.yaml\` in the
home of the node, else from its default. The home is \`--home\`, else \`LUMOS_HOME\`, else \`~/.local/share/lumos-node\`
on Linux and the folder of the platform elsewhere; \`lumos-node doctor\` prints it. \`lumos-node config show --origin\`
prints each value with its origin, and \`lumos-node config check\` finds mistakes. A program passes the same keys:
\`createLumosNode({ settings: { 'swarm.port': 0 } })\`.

\`\`\`yaml
# lumos.yaml
name: den
gateway:
  port: 5866
models:
  directories: [~/models]
\`\`\`

In an environment variable, a list is separated by commas; all else is written as in YAML. A node reads its settings
when it starts. A file that is invalid keeps it from starting, with the line and the column of each mistake.
`

/** The comments above the keys, by key. */
function commentsOf(source: string): ReadonlyMap<string, string> {
  const comments = new Map<string, string>()
  let section = ''
  let comment: string | undefined
  const lines = source.slice(source.indexOf('export const Config =')).split('\n')
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!
    if (/^\s*\/\*\*/.test(line)) {
      const from = i
      while (!lines[i]!.includes('*/')) i++
      comment = lines
        .slice(from, i + 1)
        .join(' ')
        .replace(/\/\*\*|\*\/|\s\*\s/g, ' ')
        .replace(/\s+/g, ' ')
        .trim()
      continue
    }
    const [, indent, name, value] = /^( {2}| {4})(\w+): ?(.*)/.exec(line) ?? []
    if (name === undefined) continue
    if (indent === '  ') section = value!.startsWith('z.strictObject') ? name : ''
    if (comment !== undefined)
      comments.set(section === '' || indent === '  ' ? name : `${section}.${name}`, comment)
    comment = undefined
  }
  return comments
}

function kindOf({ key, schema }: Setting): string {
  const shape = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Record<string, unknown>
  if (Array.isArray(shape.enum)) return shape.enum.map(value => `\`${value}\``).join(', ')
  if (shape.type === 'integer') return `number, ${shape.minimum} to ${shape.maximum}`
  if (shape.type === 'boolean') return 'true or false'
  if (shape.type === 'array') return `list, at most ${shape.maxItems}`
  if (shape.type === 'object') return 'models by name'
  if (key === 'services') return 'services by name, or a list of names'
  assert.ok(shape.type === 'string' || Array.isArray(shape.anyOf), key)
  return 'text'
}

function rowsOf(setting: Setting, comment: string | undefined): string {
  const { key, schema } = setting
  const words = schema.description ?? comment
  assert.ok(words, `${key} needs a comment in the schema: what it is for`)
  const value = key === 'name' ? 'the name of the host' : `\`${JSON.stringify(schema.parse(undefined))}\``
  const flag = flagOf(key)
  return [
    `### \`${key}\``,
    '',
    words,
    '',
    `- value: ${kindOf(setting)}; default: ${value}`,
    `- environment: \`${envNameOf(key)}\`${flag === undefined ? '' : `; flag: \`start ${flag}\``}`
  ].join('\n')
}

it('docs/settings.md has every setting as it is', async () => {
  const comments = commentsOf(readFileSync(SCHEMA, 'utf8'))
  const settings = [...knownSettings(sectionsOf(FEATURES)).byKey.values()]
  const page = [INTRODUCTION, ...settings.map(setting => `${rowsOf(setting, comments.get(setting.key))}\n`)]
  await expect(page.join('\n')).toMatchFileSnapshot(PAGE)
})

it('names only flags that start has', () => {
  const options = readFileSync(join(import.meta.dirname, '../cli/commands/node/index.ts'), 'utf8')
  for (const key of knownSettings().byKey.keys()) {
    const flag = flagOf(key)
    if (flag !== undefined) assert.ok(options.includes(`'${flag}`), flag)
  }
})
