/** `init`: writes a configuration with services, and says what each needs. */

import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Document, parseDocument } from 'yaml'
import { decodeText } from '../../../interface/decode-text.ts'
import { LumosError } from '../../../interface/errors.ts'
import { servicesSettings } from '../../../node/weights/resources/index.ts'
import { configPath } from '../../../storage/home/home-path.ts'
import { homeOf } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'
import { bytes } from '../../quantities.ts'
import { type Form, formOf, type InitOptions } from './forms.ts'
import { deviceRoom, type Need, needsOf, type Programs } from './needs.ts'

export async function run({ args, options, output }: Invocation<InitOptions>): Promise<void> {
  const names = (args[0] ?? '').split(',').flatMap(name => name.trim() || [])
  const { services, all } = formOf(names, options)
  // Held to the check that a node makes at its start.
  const checked = servicesSettings.safeParse(services)
  if (!checked.success)
    throw new LumosError('USAGE', checked.error.issues.map(({ message }) => message).join('; '))
  const path = configPath(homeOf(options))
  const text = await textOf(path, services, options.force === true || options.dryRun === true)
  if (!options.dryRun) await write(path, text)
  const needs = needsOf(all, options.npu, programsIn(text))
  const room = await deviceRoom(dirname(path))
  output.data({ path, written: !options.dryRun, form: options.form as Form, text, needs, room }, () =>
    [
      options.dryRun ? text.trimEnd() : `Wrote ${path}.`,
      '',
      output.table(
        ['SERVICE', 'MODEL', 'ENGINE', 'DISK', 'MEMORY', 'LICENCE'],
        needs.map(({ service, model, engine, disk_bytes, memory_bytes, licence }) => [
          ...[service, model, engine ?? 'none', bytes(disk_bytes), bytes(memory_bytes), licence]
        ])
      ),
      '',
      ...needs.flatMap(wordsOf),
      `Together: ${bytes(sum(needs, 'disk_bytes'))} of disk, of which ${bytes(room.disk_bytes)} are free, and ${bytes(sum(needs, 'memory_bytes'))} of memory, of which this device has ${bytes(room.memory_bytes)}.`,
      'Sizes and licences are about what their publishers state; no hub was asked.',
      'Check it: lumos-node config check. A node brings the models when it starts: lumos-node start'
    ].join('\n')
  )
}

/** As the configuration has them that is written. */
function programsIn(text: string): Programs {
  const { engines } = (parseDocument(text).toJS() ?? {}) as { engines?: { external?: Programs } | null }
  return engines?.external ?? {}
}

const sum = (needs: readonly Need[], what: 'disk_bytes' | 'memory_bytes'): number =>
  needs.reduce((all, need) => all + need[what], 0)

const wordsOf = ({ service, from, note, install, problem }: Need): string[] => [
  `${service}: comes from ${from}. ${note}`,
  ...(problem === null ? [] : [`  ${problem}`]),
  ...(install === null ? [] : [`  Its engine is installed by: ${install}`])
]

/** A configuration that is there keeps its other settings, and its comments. */
async function textOf(path: string, services: object, mayReplace: boolean): Promise<string> {
  if (!existsSync(path)) return `# ${HEADING}\n${new Document({ services }).toString()}`
  if (!mayReplace)
    throw new LumosError('USAGE', `${path} is there already, and was not changed.`, {
      hint: 'See what would be written: --dry-run. Replace its services, and keep its other settings: --force'
    })
  const document = parseDocument(decodeText(await readFile(path)))
  if (document.errors.length > 0)
    throw new LumosError('CONFIG_INVALID', `${path}: ${document.errors[0]!.message}`)
  document.set('services', document.createNode(services))
  return document.toString()
}

const HEADING = 'Services of this device; see docs/services.md, and docs/settings.md for other settings.'

/** Whole or not at all. */
async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const draft = `${path}.new`
  await writeFile(draft, text, { mode: 0o600 })
  await rename(draft, path)
}
