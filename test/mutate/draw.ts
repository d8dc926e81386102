/** Mutants of the product, drawn by a seed: the same source and seed give the same ones. */

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { API, type Program, type Snapshot } from 'typescript/unstable/sync'
import { forkRandom, pick } from '../../sim/random.ts'
import { functionsOf, type Mutation, mutated, mutationsOf } from './mutations.ts'
import { loadersAmong } from './sight.ts'

export interface Mutant {
  readonly number: number
  readonly file: string
  readonly line: number
  readonly where: string
  readonly kind: string
  readonly change: string
  /** A test that sees the fault executes one of these lines. */
  readonly lines: readonly number[]
  readonly original: string
  /** The whole file with the fault in it. */
  readonly text: string
}

export const PRODUCT = [
  'interface',
  'protocols',
  'capabilities',
  'storage',
  'node',
  'units',
  'gateway',
  'cli'
]
const CHANGE_CHARACTERS_MAX = 90

/** The compiler with one file of the product at a time replaced in memory. */
class Checker {
  readonly #root: string
  readonly #texts = new Map<string, string>()
  readonly #api: API
  #snapshot: Snapshot | undefined
  readonly #loaders: ReadonlyMap<string, readonly string[]>
  #program: Program

  constructor(root: string, files: readonly string[]) {
    this.#root = root
    this.#loaders = loadersAmong(root, files)
    this.#api = new API({ cwd: root, fs: { readFile: path => this.#texts.get(path) } })
    this.#program = this.#read()
    if (this.#errors() > 0) throw new Error(`The source in ${root} does not type-check: see tsc.`)
  }

  source(file: string) {
    return this.#program.getSourceFile(join(this.#root, file))!
  }

  /** Whether `file` and those that import it type-check with `text` in it: the whole project would take a minute each time. */
  accepts(file: string, text: string): boolean {
    const path = join(this.#root, file)
    this.#texts.set(path, text)
    this.#program = this.#read(path)
    const seeing = [file, ...(this.#loaders.get(file) ?? [])]
    const accepted = seeing.every(each => this.#errors(join(this.#root, each)) === 0)
    this.#texts.delete(path)
    this.#program = this.#read(path)
    return accepted
  }

  close(): void {
    this.#api.close()
  }

  #errors(path?: string): number {
    return (
      this.#program.getSyntacticDiagnostics(path).length + this.#program.getSemanticDiagnostics(path).length
    )
  }

  #read(changed?: string): Program {
    const fileChanges = changed === undefined ? undefined : { changed: [changed] }
    const before = this.#snapshot
    this.#snapshot = this.#api.updateSnapshot({
      openProjects: changed === undefined ? [join(this.#root, 'tsconfig.json')] : [],
      fileChanges
    })
    // The compiler keeps each one, half a gigabyte, until it is told.
    before?.dispose()
    return this.#snapshot.getProjects()[0]!.program
  }
}

/** `count` mutants of the source below `root`, each of another function, and how many the compiler refused meanwhile. */
export function drawMutants(root: string, seed: number, count: number) {
  const files = PRODUCT.flatMap(folder =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter(name => name.endsWith('.ts'))
      .map(name => join(folder, name))
      .sort()
  )
  const checker = new Checker(root, files)
  const places = files.flatMap(file => functionsOf(checker.source(file)).map(({ name }) => ({ file, name })))
  const random = forkRandom(seed, 'mutants')
  const mutants: Mutant[] = []
  let refused = 0
  while (mutants.length < count && places.length > 0) {
    const { file, name } = takeOne(places, random)
    const source = checker.source(file)
    const place = functionsOf(source).find(each => each.name === name)!
    const left = mutationsOf(place.node, source)
    for (let found = false; !found && left.length > 0; ) {
      // The kind first, then the place: else removed statements would be most of all.
      const kind = pick([...new Set(left.map(mutation => mutation.kind))], random)
      const mutation = takeOne(left, random, mutation => mutation.kind === kind)
      found = checker.accepts(file, mutated(source.text, mutation))
      if (found) mutants.push(mutantOf(mutants.length + 1, file, name, source.text, mutation))
      else refused++
    }
  }
  checker.close()
  return { mutants, refused }
}

function takeOne<T>(left: T[], random: () => number, wanted: (item: T) => boolean = () => true): T {
  const chosen = pick(left.filter(wanted), random)
  left.splice(left.indexOf(chosen), 1)
  return chosen
}

function mutantOf(number: number, file: string, where: string, source: string, mutation: Mutation): Mutant {
  const short = (text: string): string => text.replace(/\s+/g, ' ').slice(0, CHANGE_CHARACTERS_MAX)
  const line = source.slice(0, mutation.start).split('\n').length
  return {
    number,
    file,
    line,
    where,
    kind: mutation.kind,
    change: `${short(source.slice(mutation.start, mutation.end))} -> ${short(mutation.replacement)}`,
    lines: mutation.constant === undefined ? [line] : linesNaming(mutation.constant, source, line),
    original: source,
    text: mutated(source, mutation)
  }
}

/** Where a constant of the file is used; a constant that other files see has its own line, too. */
function linesNaming(constant: string, source: string, declared: number): number[] {
  const lines = source.split('\n')
  const names = new RegExp(`(?<![\\w$])${constant.replaceAll('$', '\\$')}(?![\\w$])`)
  const isSeen = lines[declared - 1]!.startsWith('export ')
  return lines.flatMap((text, index) => {
    const line = index + 1
    return names.test(text) && (line !== declared || isSeen) ? [line] : []
  })
}
