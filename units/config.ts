/** The settings of this node: what each is and where from, and changes of `lumos.yaml`. */

import * as z from 'zod'
import { LumosError } from '../interface/errors.ts'
import { type OwnSettings, SettingInfo } from '../interface/settings.ts'
import type { Caller } from '../interface/units.ts'
import { defineUnit } from './define-unit.ts'

const KEY_CHARS_MAX = 128

/**
 * What a program or a page that holds the token, and an admin on another device, may change. It names no path, no
 * program, no address and no key, and opens the node to no other caller. All other settings are changed from the
 * device's own command line.
 */
export const BY_PROGRAMS: ReadonlySet<string> = new Set([
  ...['name', 'access', 'routing.policy', 'serving.yield', 'log.level', 'swarm.mdns', 'swarm.dht'],
  ...['models.builtin', 'models.memoryMax', 'models.keepAlive', 'models.warm', 'models.pinned'],
  ...['engines.echo', 'engines.discover', 'weights.diskMax', 'weights.copies.take', 'weights.copies.grace'],
  ...['memory.spaceMax', 'memory.searchModel', 'answers.keep', 'answers.diskMax', 'wake.allow']
])

const Key = z.strictObject({ key: z.string().min(1).max(KEY_CHARS_MAX) })
const Shown = SettingInfo.extend({
  /** Whether a program, a page or another device may change it; else it is changed by `lumos-node config set` on the device. */
  byPrograms: z.boolean()
})

/** A program that the settings name may have keys in its variables and arguments. */
const SECRETIVE: ReadonlySet<string> = new Set(['env', 'args', 'variables'])
const hidden = (value: unknown): unknown =>
  typeof value === 'object' && value !== null
    ? Array.isArray(value)
      ? value.map(hidden)
      : Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, hidden(inner)]))
    : '…'

function concealed(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(concealed)
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, SECRETIVE.has(key) ? hidden(inner) : concealed(inner)])
  )
}

/** Secrets are shown on the device only. */
const shown = (setting: SettingInfo, { origin }: Caller) => ({
  ...setting,
  value: origin === 'local' ? setting.value : concealed(setting.value),
  byPrograms: BY_PROGRAMS.has(setting.key)
})

export const configUnits = (settings: OwnSettings | undefined) => [
  defineUnit({
    name: 'config.show',
    kind: 'query',
    permission: 'manage',
    summary: 'Every setting: what it is for, its value, where that comes from, and which values it takes.',
    input: z.strictObject({}),
    output: z.strictObject({ items: z.array(Shown) }),
    run: async (_, { caller }) => ({
      items: (await mustBe(settings).list()).map(setting => shown(setting, caller))
    })
  }),
  defineUnit({
    name: 'config.get',
    kind: 'query',
    permission: 'manage',
    summary: 'One setting with its value and where it comes from.',
    input: Key,
    examples: [{ input: { key: 'models.keepAlive' } }],
    output: Shown,
    async run({ key }, { caller }) {
      const found = (await mustBe(settings).list()).find(setting => setting.key === key)
      if (found !== undefined) return shown(found, caller)
      throw new LumosError('INVALID_INPUT', `There is no setting "${key}".`, {
        hint: 'All: lumos-node config show --origin'
      })
    }
  }),
  defineUnit({
    name: 'config.set',
    kind: 'command',
    permission: 'manage',
    idempotent: true,
    summary:
      'Write a setting into lumos.yaml, whose comments stay. The whole is checked first; the node has it after a restart.',
    input: Key.extend({
      /** Text is read as a flag would be. */
      value: z.unknown(),
      /** Write nothing: say whether the value is taken, and what the setting would be. */
      check: z.boolean().optional()
    }),
    examples: [{ input: { key: 'models.keepAlive', value: '10m' } }],
    output: Shown,
    async run({ key, value, check }, { caller }) {
      checkOrigin(key, caller)
      return shown(await mustBe(settings).set(key, value, { check }), caller)
    }
  }),
  defineUnit({
    name: 'config.unset',
    kind: 'command',
    permission: 'manage',
    idempotent: true,
    summary: 'Take a setting out of lumos.yaml: its variable or its default holds again after a restart.',
    input: Key,
    examples: [{ input: { key: 'models.keepAlive' } }],
    output: Shown,
    async run({ key }, { caller }) {
      checkOrigin(key, caller)
      return shown(await mustBe(settings).unset(key), caller)
    }
  })
]

function checkOrigin(key: string, { origin }: Caller): void {
  if (origin === 'local' || BY_PROGRAMS.has(key)) return
  throw new LumosError('DENIED', `The setting ${key} is changed from the device's own command line only.`, {
    hint: 'On the device: lumos-node config set, or config unset.'
  })
}

function mustBe(settings: OwnSettings | undefined): OwnSettings {
  if (settings !== undefined) return settings
  throw new LumosError('NOT_SUPPORTED', 'The program that this node runs in keeps its settings.')
}
