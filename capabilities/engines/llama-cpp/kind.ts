/** GGUF files, opened by llama.cpp in a process of its own. The engine is no part of the package: `engine install` brings it. */

import { readdir, realpath } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { LLAMA_ENGINE } from '../../entries.ts'
import { memoryLimitBytes } from '../../hardware.ts'
import type { EngineEnvironment } from '../../host/engine-environment.ts'
import { EngineHost } from '../../host/engine-host.ts'
import type { EngineSpec } from '../../host/engine-launch.ts'
import type { InstalledEngine } from '../../install/installed-engines.ts'
import { ADAPTER_CONFIG } from '../../models/adapters.ts'
import { invalid } from '../../models/description.ts'
import type { EngineKind, FoundModel, ModelDirectory } from '../../models/found-model.ts'
import { fileIn } from '../../models/model-paths.ts'
import { isIgnored } from '../../models/strays.ts'
import { candidates } from './accelerator.ts'
import { adapterIn, withAdapter } from './adapter.ts'
import type { LlamaSettings } from './engine.ts'
import { readGguf } from './gguf.ts'
import { factsOf, type GgufFacts } from './gguf-facts.ts'
import { groupFiles, type Variant } from './gguf-names.ts'

const NAME = 'llama-cpp'
/** A folder of a publisher holds its repositories, as LM Studio keeps them. */
const FOLDERS_MAX = 256
/** Of the memory of a device: the rest is the system's, and other models'. */
const MEMORY_SHARE = 0.7
/** What contexts may take of it. */
const CONTEXT_SHARE = 0.1
/** Conversations at once: more seldom make a processor faster. */
const SLOTS = 4
const CONTEXT_TOKENS_MIN = 512
/** Longer ones take minutes to read on the processor of a private device. */
const CONTEXT_TOKENS_MAX = 32_768

export const llamaCpp: EngineKind = {
  name: NAME,

  packages: async () => (await import('./packages.json', { with: { type: 'json' } })).default,

  async find(directory: ModelDirectory): Promise<readonly FoundModel[]> {
    const { own, folder, name, entries, engines } = directory
    const here = entries.filter(isGguf)
    const places =
      here.length > 0 ? [{ name, path: own, root: folder, files: here }] : await repositoriesIn(directory)
    if (places.length === 0) {
      if (!entries.includes(ADAPTER_CONFIG)) return []
      throw invalid(
        'it is an adapter without a GGUF file: convert_lora_to_gguf.py of llama.cpp makes one of it'
      )
    }
    const installed = engines.get(NAME)
    if (installed === undefined)
      throw invalid(
        engines.obstacle?.(NAME)?.replace(/\.$/, '') ??
          `it is opened by llama.cpp, which is brought by: lumos-node engine install ${NAME}`
      )

    const found: FoundModel[] = []
    for (const place of places) {
      const models = groupFiles(place.files)
      for (const [base, variants] of models) {
        const id = models.size === 1 ? place.name : `${place.name}/${base}`
        found.push(...(await foundAs(id, place, variants, installed)))
      }
    }
    return found
  },

  adapt: withAdapter,

  serve(found, { cores: _, ...host }) {
    const { id, tasks, contextTokens, settings } = found
    const { slots } = settings as Found
    const engine = new EngineHost(specOf(found, host.env), host)
    return { id, tasks, slots, engine, resumes: true, ...(contextTokens !== undefined && { contextTokens }) }
  }
}

/** What the process of a model gets. */
export function specOf({ id, folder, parts, settings }: FoundModel, env: EngineEnvironment): EngineSpec {
  const { accelerators, architecture: _, ...own } = settings as Found
  const gpus = candidates(accelerators, { platform: process.platform, env })
  const all: LlamaSettings = { ...own, gpus }
  return {
    ...{ name: id, module: LLAMA_ENGINE, settings: all, folder },
    // A file by itself may lie anywhere, beside the keys of its owner too.
    files: parts,
    ...{ code: [all.library], gpu: gpus.length > 0 }
  }
}

/** What is known before the environment of the engine is. */
interface Found extends Omit<LlamaSettings, 'gpus'> {
  readonly accelerators: readonly string[]
  readonly architecture: string
}

interface Place {
  readonly name: string
  readonly path: string
  readonly root: string
  readonly files: readonly string[]
}

interface Opened {
  readonly variant: string | undefined
  /** Real paths. */
  readonly files: readonly string[]
  readonly bytes: number
  readonly facts: GgufFacts
}

const isGguf = (name: string): boolean => /\.gguf$/i.test(name) && !isIgnored(name)

/** The folders in this one that hold GGUF files, each a repository of a publisher. */
async function repositoriesIn({ own, name, entries, description }: ModelDirectory): Promise<Place[]> {
  if (description !== undefined) return []
  const places: Place[] = []
  for (const entry of entries.filter(one => !isIgnored(one)).slice(0, FOLDERS_MAX)) {
    const path = join(own, entry)
    const files = (await readdir(path).catch((): string[] => [])).filter(isGguf)
    // A link may lead anywhere: a repository is a folder of its publisher.
    if (files.length > 0 && (await realpath(path)) === path)
      places.push({ name: `${name}/${entry}`, path, root: path, files })
  }
  return places
}

/** An adapter, or a model in each of its variants. */
async function foundAs(
  id: string,
  place: Place,
  variants: readonly Variant[],
  installed: InstalledEngine
): Promise<FoundModel[]> {
  // With another installation, it is to be opened anew.
  const { mark } = installed
  const adapter = await adapterIn(place, variants)
  if (adapter !== undefined) return [{ id, engine: NAME, ...adapter, parts: [...adapter.parts, mark] }]
  const opened: Opened[] = []
  for (const variant of variants) {
    const one = await open(place.path, place.root, variant)
    if (one !== undefined) opened.push(one)
  }
  return named(id, opened).map(({ names: [as, ...aliases], one }) => ({
    id: as,
    ...(aliases.length > 0 && { aliases }),
    engine: NAME,
    tasks: [one.facts.task],
    folder: place.root,
    hashes: {},
    parts: [...one.files, mark],
    ...(one.facts.contextTokens !== undefined && { contextTokens: contextOf(one) }),
    settings: settingsOf(one, place.root, installed)
  }))
}

/** Undefined for a file that is part of a model and none itself. */
async function open(path: string, root: string, { label, files }: Variant): Promise<Opened | undefined> {
  const real = await Promise.all(files.map(file => fileIn(path, file, root)))
  let bytes = 0
  let facts: GgufFacts | undefined
  for (const [n, file] of real.entries()) {
    try {
      const head = await readGguf(file)
      bytes += head.bytes
      if (n === 0) facts = factsOf(head)
      if (facts === undefined) return undefined
    } catch (err) {
      throw invalid(`${files[n]}: ${(err as Error).message.replace(/\.$/, '')}`)
    }
  }
  return { variant: label, files: real, bytes, facts: facts! }
}

interface Named {
  readonly names: readonly [id: string, ...aliases: string[]]
  readonly one: Opened
}

/** Each by its names: the plain one is what this device runs best. */
function named(id: string, opened: readonly Opened[]): Named[] {
  if (opened.length === 0) return []
  const room = memoryLimitBytes() * MEMORY_SHARE
  const bySize = opened.toSorted((a, b) => b.bytes - a.bytes)
  const best = bySize.find(({ bytes }) => bytes <= room) ?? bySize.at(-1)!
  return [best, ...opened.filter(one => one !== best)].flatMap((one): Named[] => {
    const own = one.variant === undefined || opened.length === 1 ? [] : [`${id}:${one.variant}`]
    const [first, ...aliases] = one === best ? [id, ...own] : own
    return first === undefined ? [] : [{ names: [first, ...aliases], one }]
  })
}

/** As many tokens as the model takes and the memory holds, for each of its slots. */
function contextOf({ facts }: Opened): number {
  const trained = Math.min(facts.contextTokens ?? CONTEXT_TOKENS_MIN, CONTEXT_TOKENS_MAX)
  const room = (memoryLimitBytes() * CONTEXT_SHARE) / SLOTS / Math.max(1, facts.tokenBytes)
  return Math.min(trained, Math.max(CONTEXT_TOKENS_MIN, Math.floor(room)))
}

function settingsOf(
  one: Opened,
  root: string,
  { path, accelerators }: { readonly path: string; readonly accelerators: readonly string[] }
): Found {
  const { task, architecture, template, recommended } = one.facts
  return {
    library: path,
    accelerators,
    architecture,
    file: relative(root, one.files[0]!),
    task,
    contextTokens: contextOf(one),
    // Others answer with one run, in which a second one could only wait.
    slots: task === 'text-generation' ? SLOTS : 1,
    template,
    recommended
  }
}
