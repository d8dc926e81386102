/**
 * `docs/settings.md` is made of the schema of the settings. Make it anew after a change of them:
 * `npm run test:only -- test/settings-page.test.ts -u`
 */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import * as z from 'zod'
import type { SettingForm, SettingKind } from '../interface/settings.ts'
import { FEATURES, sectionsOf } from '../node/features.ts'
import { envNameOf, flagOf, knownSettings, type Setting } from '../node/settings/config-schema.ts'
import { formOf } from '../node/settings/setting-form.ts'
import { SETTINGS_ZH } from '../web/words/settings-zh.ts'

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

const KINDS: Readonly<Record<SettingKind, string>> = {
  ...{ text: 'text', switch: 'true or false', list: 'list', time: 'text', size: 'text' },
  ...{ number: 'number', choice: '', table: 'models by name' }
}

function kindOf({ key, schema }: Setting, { kind, choices, min, max }: SettingForm): string {
  if (key === 'services') return 'services by name, or a list of names'
  if (kind === 'choice') return choices.map(value => `\`${value}\``).join(', ')
  if (kind === 'number') return `number, ${min} to ${max}`
  if (kind !== 'list') return KINDS[kind]
  const { maxItems } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
  return `list, at most ${maxItems}`
}

function rowsOf(setting: Setting): string {
  const { key } = setting
  const form = formOf(setting)
  assert.ok(form.description, `${key} needs a description in the schema: what it is for`)
  const value = key === 'name' ? 'the name of the host' : `\`${JSON.stringify(form.default)}\``
  const flag = flagOf(key)
  return [
    `### \`${key}\``,
    '',
    form.description,
    '',
    `- value: ${kindOf(setting, form)}; default: ${value}`,
    `- environment: \`${envNameOf(key)}\`${flag === undefined ? '' : `; flag: \`start ${flag}\``}`
  ].join('\n')
}

it('docs/settings.md has every setting as it is', async () => {
  const settings = [...knownSettings(sectionsOf(FEATURES)).byKey.values()]
  const page = [INTRODUCTION, ...settings.map(setting => `${rowsOf(setting)}\n`)]
  await expect(page.join('\n')).toMatchFileSnapshot(PAGE)
})

it('names only flags that start has', () => {
  const options = readFileSync(join(import.meta.dirname, '../cli/commands/node/index.ts'), 'utf8')
  for (const key of knownSettings().byKey.keys()) {
    const flag = flagOf(key)
    if (flag !== undefined) assert.ok(options.includes(`'${flag}`), flag)
  }
})

it('has each setting described in Chinese, with the same names and values in it', () => {
  const settings = [...knownSettings(sectionsOf(FEATURES)).byKey.values()]
  assert.deepEqual(
    Object.keys(SETTINGS_ZH),
    settings.map(({ key }) => key)
  )
  const codeIn = (text: string) => text.split('`').filter((_, index) => index % 2 === 1)
  for (const setting of settings) {
    const chinese = SETTINGS_ZH[setting.key]!
    assert.match(chinese, /\p{Script=Han}/u, setting.key)
    assert.deepEqual(codeIn(chinese).sort(), codeIn(formOf(setting).description).sort(), setting.key)
  }
})
