/**
 * The settings of a node, and where each came from: flag over environment over
 * `lumos.yaml` over default.
 *
 * The only place that reads the environment. Every value that is given is
 * checked, even one that another overrules, so that a mistake in the file does
 * not wait for the day its flag is left away.
 */

import { LumosError } from '../../interface/errors.ts'
import { configPath, type Environment, homePath } from '../../storage/home/home-path.ts'
import { FEATURES, sectionsOf } from '../features.ts'
import { isWholeText, unusedOf } from '../weights/resources/index.ts'
import { readConfigFile } from './config-file.ts'
import {
  type Config,
  envNameOf,
  type FeatureSections,
  flagOf,
  type KnownSettings,
  knownSettings,
  type Setting
} from './config-schema.ts'
import { suggestionFor } from './config-spelling.ts'

export type { Config } from './config-schema.ts'

const ENV_PREFIX = 'LUMOS_'
const HOME_VARIABLE = 'LUMOS_HOME'

export interface ConfigSources {
  /** The home that was asked for by flag; else `LUMOS_HOME`, else the platform's folder. */
  readonly home?: string
  /** Values by key (`gateway.port`), as text or as what they are; an undefined one was not given. */
  readonly flags?: Readonly<Record<string, unknown>>
  /** Default: the environment of this process. */
  readonly env?: Environment
  /** Default: those of the features that come with the node. */
  readonly sections?: FeatureSections
  /** In place of what the file holds: what is to be written into it. */
  readonly text?: string
}

export interface LoadedConfig {
  /** The section of a feature is in it under the name of the feature. */
  readonly config: Config
  /** By key: `default`, `<file>:<line>`, `env LUMOS_…` or `flag --…`. */
  readonly origins: Readonly<Record<string, string>>
  readonly home: string
  /** Of the file, which need not exist. */
  readonly path: string
  /** What is read and not used, each with its place. */
  readonly warnings: readonly string[]
  /** What the settings were read from; engines get a few variables of it. */
  readonly env: Environment
}

/** One value for one key, from one source. */
interface Given {
  readonly key: string
  readonly value: unknown
  readonly origin: string
  /** As exact as the source can say, for error messages. */
  placeOf(part: readonly PropertyKey[], of?: 'key' | 'value'): string
}

/** @throws {LumosError} `CONFIG_INVALID`: its message and `details.problems` tell everything that is wrong. */
export async function loadConfig(sources: ConfigSources = {}): Promise<LoadedConfig> {
  const { env, home, path } = placeOf(sources)
  const known = knownSettings(sources.sections ?? sectionsOf(FEATURES))

  const file = await readConfigFile(path, known, sources.text)
  const problems = [...file.problems]
  // From the lowest precedence to the highest: later ones overrule.
  const given = [
    ...file.settings,
    ...(await fromEnvironment(env, known, problems)),
    ...(await fromFlags(sources.flags ?? {}, known, problems))
  ]

  const values = new Map<string, unknown>()
  const origins = new Map<string, string>()
  for (const { key, schema } of known.byKey.values()) {
    values.set(key, schema.parse(undefined))
    origins.set(key, 'default')
  }
  const warnings: string[] = []
  for (const { key, value, origin, placeOf } of given) {
    const result = known.byKey.get(key)!.schema.safeParse(value)
    for (const { path: part, message, ...issue } of result.error?.issues ?? []) {
      const of = (issue as { params?: { of?: 'key' | 'value' } }).params?.of
      problems.push(`${placeOf(part, of)}: ${nameOf(key, value, part)}: ${message}`)
    }
    if (key === SERVICES)
      for (const { path: part, message, of } of unusedOf(value))
        warnings.push(`${placeOf(part, of)}: ${nameOf(key, value, part)}: ${message}`)
    values.set(key, result.data)
    origins.set(key, origin)
  }

  if (problems.length > 0) throw configInvalid(problems)
  const config = nested(values) as Config
  return { config, origins: Object.fromEntries(origins), home, path, warnings, env }
}

/** Where the settings of a home are. */
export function placeOf(sources: ConfigSources): Pick<LoadedConfig, 'env' | 'home' | 'path'> {
  const env = sources.env ?? process.env
  const home = homePath(sources.home, env)
  return { env, home, path: configPath(home) }
}

/** The one setting that has forms with more keys than its own. */
const SERVICES = 'services'

/** `swarm.peers[1]`; of services, as people find it in the file. */
function nameOf(key: string, value: unknown, part: readonly PropertyKey[]): string {
  const steps = part.map(step => `[${String(step)}]`).join('')
  if (key !== SERVICES) return key + steps
  const named = part.map(step => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`)).join('')
  return isWholeText(value) ? named.replace(/^\./, '') : key + named
}

export interface DescribedSetting {
  readonly key: string
  readonly value: unknown
  readonly origin: string
}

/** Every setting with its value and origin, for `config show --origin`. */
export function describeConfig({ config, origins }: LoadedConfig): DescribedSetting[] {
  return Object.entries(origins).map(([key, origin]) => ({ key, value: valueAt(config, key), origin }))
}

async function fromEnvironment(env: Environment, known: KnownSettings, problems: string[]): Promise<Given[]> {
  const settings = new Map([...known.byKey.values()].map(setting => [envNameOf(setting.key), setting]))

  const given: Given[] = []
  for (const [name, text] of Object.entries(env)) {
    // An empty variable is how many tools say that there is none.
    if (!name.startsWith(ENV_PREFIX) || name === HOME_VARIABLE || !text) continue

    const setting = settings.get(name)
    if (setting === undefined) {
      const key = name.slice(ENV_PREFIX.length).toLowerCase().replaceAll('__', '.')
      const meant = [...settings.keys()].find(other => other.replaceAll('__', '_') === name)
      const suggestion = meant === undefined ? suggestionFor(key, known) : `; did you mean ${meant}?`
      problems.push(`env ${name}: unknown setting "${key}"${suggestion}`)
      continue
    }
    const origin = `env ${name}`
    const value = await valueFromText(setting, text)
    given.push({ key: setting.key, value, origin, placeOf: () => origin })
  }
  return given
}

async function fromFlags(
  flags: Readonly<Record<string, unknown>>,
  known: KnownSettings,
  problems: string[]
): Promise<Given[]> {
  const given: Given[] = []
  for (const [key, value] of Object.entries(flags)) {
    if (value === undefined) continue

    const flag = flagOf(key)
    const origin = flag === undefined ? `settings[${JSON.stringify(key)}]` : `flag ${flag}`
    const setting = known.byKey.get(key)
    if (setting === undefined) {
      problems.push(`${origin}: unknown setting "${key}"${suggestionFor(key, known)}`)
      continue
    }
    const read = typeof value === 'string' ? await valueFromText(setting, value) : value
    given.push({ key, value: read, origin, placeOf: () => origin })
  }
  return given
}

/** The same in YAML and in JSON, such as the number of a port. */
const PLAIN = /^(?:true|false|0|[1-9]\d*)$/

/** What text means: lists are separated by commas, or written as YAML (`[a, b]`). */
export async function valueFromText(setting: Setting, text: string): Promise<unknown> {
  if (setting.isText) return text
  if (setting.isList && !text.startsWith('[')) return text.split(',').map(item => item.trim())
  if (PLAIN.test(text)) return JSON.parse(text)
  const { parseValue } = await import('./config-text.ts')
  try {
    return parseValue(text)
  } catch {
    // The setting's schema says what it expects instead.
    return text
  }
}

function nested(values: ReadonlyMap<string, unknown>): unknown {
  const root: Record<string, unknown> = {}
  for (const [key, value] of values) {
    const path = key.split('.')
    const name = path.pop()!
    let section = root
    for (const step of path) {
      section[step] ??= {}
      section = section[step] as Record<string, unknown>
    }
    section[name] = value
  }
  return root
}

function valueAt(config: Config, key: string): unknown {
  return key.split('.').reduce<unknown>((value, step) => (value as Record<string, unknown>)[step], config)
}

function configInvalid(problems: readonly string[]): LumosError {
  const message =
    problems.length === 1
      ? `The configuration is invalid: ${problems[0]}`
      : `The configuration is invalid:\n${problems.map(problem => `  ${problem}`).join('\n')}`
  return new LumosError('CONFIG_INVALID', message, {
    hint: 'Correct it, then run: lumos-node config check',
    details: { problems }
  })
}
