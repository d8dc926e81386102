/** `lumos.yaml` as it is read and changed value by value, by commands and by the units of a running node. */

import { existsSync, mkdirSync, realpathSync } from 'node:fs'
import { InvalidInputError } from '../../interface/errors.ts'
import type { OwnSettings, SettingInfo } from '../../interface/settings.ts'
import type { NodeStatus } from '../../interface/status.ts'
import { PRIVATE_DIR_MODE, writeFileDurably } from '../../storage/database/durable-file.ts'
import { FEATURES, sectionsOf } from '../features.ts'
import {
  type ConfigSources,
  describeConfig,
  type LoadedConfig,
  loadConfig,
  placeOf,
  valueFromText
} from './config.ts'
import { readConfigText } from './config-file.ts'
import { type KnownSettings, knownSettings, type Setting } from './config-schema.ts'
import { suggestionFor } from './config-spelling.ts'
import { formOf } from './setting-form.ts'

/** What a node is called, which its membership says while it runs. */
export type GivenNames = Pick<NodeStatus, 'name' | 'mesh'>

export interface SettingsFileOptions extends ConfigSources {
  /** What the node began with. Absent: none runs. */
  readonly running?: LoadedConfig
  /** Absent: no node runs. */
  names?(): GivenNames
}

export class SettingsFile implements OwnSettings {
  readonly #options: SettingsFileOptions
  readonly #known: KnownSettings
  readonly home: string
  readonly path: string

  #changing: Promise<unknown> = Promise.resolve()

  constructor(options: SettingsFileOptions) {
    this.#options = options
    const { home, path } = placeOf(options)
    this.home = home
    this.path = path
    this.#known = knownSettings(options.sections ?? sectionsOf(FEATURES))
  }

  async list(): Promise<SettingInfo[]> {
    return this.#described(await loadConfig(this.#options))
  }

  async set(key: string, value: unknown, { check = false } = {}): Promise<SettingInfo> {
    const setting = this.#settingOf(key)
    const read = typeof value === 'string' ? await valueFromText(setting, value) : value
    const { withValue } = await import('./config-edit.ts')
    return this.#change(key, text => withValue(text, key, read), check)
  }

  async unset(key: string): Promise<SettingInfo> {
    this.#settingOf(key)
    const { withoutValue } = await import('./config-edit.ts')
    return this.#change(key, text => withoutValue(text, key))
  }

  #settingOf(key: string): Setting {
    const setting = this.#known.byKey.get(key)
    if (setting !== undefined) return setting
    throw new InvalidInputError(`There is no setting "${key}"${suggestionFor(key, this.#known)}.`, {
      hint: 'All: lumos-node config show --origin'
    })
  }

  /** The whole is checked as a start of the node would, before anything is written. */
  #change(key: string, edit: (text: string) => string, check = false): Promise<SettingInfo> {
    // One after the other: a change that reads before another has written would undo that.
    const changed = this.#changing.then(() => this.#changed(key, edit, check))
    this.#changing = changed.catch(() => {})
    return changed
  }

  async #changed(key: string, edit: (text: string) => string, check: boolean): Promise<SettingInfo> {
    const { home, path } = this
    const before = readConfigText(path)
    const text = edit(before)
    const loaded = await loadConfig({ ...this.#options, text })
    const changed = this.#described(loaded).find(setting => setting.key === key)!
    if (check) return changed
    // An editor has written meanwhile.
    if (readConfigText(path) !== before) return this.#changed(key, edit, check)
    if (!existsSync(home)) mkdirSync(home, { recursive: true, mode: PRIVATE_DIR_MODE })
    writeFileDurably(existsSync(path) ? realpathSync(path) : path, text)
    return changed
  }

  #described(loaded: LoadedConfig): SettingInfo[] {
    const { running, names } = this.#options
    const now =
      running && new Map(describeConfig(running).map(({ key, value }) => [key, JSON.stringify(value)]))
    const given = names === undefined ? loaded : withMembership(loaded, names())
    return describeConfig(given).map(setting => ({
      ...setting,
      ...formOf(this.#known.byKey.get(setting.key)!),
      value: setting.value ?? null,
      waits:
        setting.origin !== MEMBERSHIP &&
        now !== undefined &&
        now.get(setting.key) !== JSON.stringify(setting.value)
    }))
  }
}

const MEMBERSHIP = 'membership of this mesh'

/** While a node runs, its names are those of its certificate and of its mesh, whatever the settings say. */
export function withMembership(loaded: LoadedConfig, { name, mesh }: GivenNames): LoadedConfig {
  const { config, origins } = loaded
  const changed = {
    ...(name !== config.name && { name: MEMBERSHIP }),
    ...(mesh !== config.mesh.name && { 'mesh.name': MEMBERSHIP })
  }
  return {
    ...loaded,
    config: { ...config, name, mesh: { ...config.mesh, name: mesh } },
    origins: { ...origins, ...changed }
  }
}
