import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { describe, expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '..')

/** What each folder may import from. Everything may import itself. */
const BELOW: Record<string, readonly string[]> = {
  interface: [],
  protocols: ['interface'],
  capabilities: ['interface'],
  storage: ['interface'],
  node: ['interface', 'protocols', 'capabilities', 'storage'],
  units: ['interface', 'node'],
  gateway: ['interface', 'node', 'units', 'storage'],
  cli: ['interface', 'node', 'units', 'gateway', 'storage', 'client'],
  sim: ['interface', 'protocols', 'capabilities', 'storage', 'node', 'units', 'gateway', 'cli'],
  lab: ['interface', 'node', 'cli', 'sim'],
  soak: ['interface', 'node', 'sim'],
  bench: [
    'interface',
    'protocols',
    'capabilities',
    'storage',
    'node',
    'units',
    'gateway',
    'cli',
    'sim',
    'soak'
  ],
  // Packages of their own: they know a node by its HTTP alone.
  client: [],
  // In a browser, with nothing but that package.
  web: ['client'],
  examples: ['interface', 'node', 'client']
}
/** Packages that only one floor of the house may know. */
const ONLY: readonly [pattern: RegExp, folders: readonly string[]][] = [
  [/^@opentelemetry\/api$/, ['node']],
  [/^(libp2p|@libp2p\/.*|@multiformats\/.*)$/, ['protocols', 'node', 'storage', 'sim', 'soak', 'bench']],
  [/^(onnxruntime-node|sharp|@huggingface\/transformers)$/, ['capabilities', 'bench']],
  [/^(helia|@helia\/.*|ipfs-unixfs.*)$/, ['storage', 'node', 'bench']],
  [/^node:sqlite$/, ['storage', 'bench']],
  [/^(hono|@hono\/.*)$/, ['gateway']],
  [/^commander$/, ['cli']],
  [/^@modelcontextprotocol\//, ['gateway', 'cli', 'node']],
  [/^@langchain\//, ['client', 'examples']]
]
/** What the world would decide, where a simulation must. */
const AMBIENT = {
  time: /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b|\bprocess\.(hrtime|uptime)\b|AbortSignal\.timeout\b/,
  timer: /\bset(Timeout|Interval)\(|node:timers/,
  turn: /\bsetImmediate\(/,
  chance: /\bMath\.random\b/,
  'unguessable chance': /\brandom(UUID|Bytes|Int|FillSync)\b|getRandomValues|\bgenerateKeyPairSync\b/
}
/** Who may, and why. */
const AMBIENT_ALLOWED: Record<string, readonly [kinds: string, reason: string]> = {
  'capabilities/engines/llama-cpp/engine.ts': ['chance', 'the seed of an answer that was asked for without'],
  'node/weights/origins/counted-blocks.ts': [
    'turn',
    'blocks that are here answer at once, and timers have their turn'
  ],
  'capabilities/engines/batching/batcher.ts': ['turn', 'what came in one turn is run together'],
  'capabilities/engines/turn.ts': ['turn', 'other requests of the process have theirs'],
  'capabilities/engines/transformers/generation.ts': [
    'chance',
    'the seed of an answer that was asked for without'
  ],
  'interface/clock.ts': ['time, timer', 'the clock of the product'],
  'client/wait.ts': ['timer, chance', 'the silence of a node, and when to connect again'],
  'client/langgraph/store.ts': ['time', 'when an item was put: shown, and of items the newest first'],
  'node/create-node.ts': ['chance', 'the default of what is passed in'],
  'protocols/wire/frame-inbox.ts': ['turn', 'what is left of this turn of the event loop: no time'],
  'protocols/wire/frame-writer.ts': ['turn', 'frames of one turn of the event loop leave as one'],
  'protocols/transport/tls/certificate.ts': ['unguessable chance', 'keys and serial numbers of certificates'],
  'protocols/transport/tls/server-certificate.ts': ['unguessable chance', 'the key of a server'],
  'storage/keys/key-wrap.ts': ['unguessable chance', 'salt and nonce of an encrypted key'],
  'storage/home/gateway-token.ts': ['unguessable chance', 'a token'],
  'storage/home/token-file.ts': ['unguessable chance', 'tokens of programs'],
  'storage/weights/followed-file.ts': ['turn', 'a leaf that comes does not wait for all that came early'],
  'storage/mesh/manifest-log.ts': ['unguessable chance', 'two copies of a home must not draw the same epoch'],
  'node/mcp/sign-in.ts': ['unguessable chance', 'the state of a sign-in, which only its browser knows'],
  'node/pairing/join-requests.ts': ['unguessable chance', 'a nonce that is signed'],
  'node/pairing/nearby-asking.ts': ['unguessable chance', 'a nonce that is signed'],
  'capabilities/quantize/main.ts': ['timer', 'a process of its own that watches its memory'],
  'node/memory/knowledge/read/reader-process.ts': ['timer', 'a process of its own that watches its memory'],
  'node/memory/space/boxes.ts': ['unguessable chance', 'keys, nonces and lives of memory'],
  'node/membership/authority.ts': ['unguessable chance', 'serial numbers of certificates'],
  'node/pairing/join-service.ts': ['unguessable chance', 'the secret of an invitation'],
  'node/routing/mesh-routing.ts': ['unguessable chance', 'ids of requests, unique across devices'],
  'node/journal/journal.ts': ['turn', 'each page of a replay is read in a turn of its own'],
  'gateway/sessions.ts': ['unguessable chance', 'ids of sessions, which are credentials'],
  'interface/answers.ts': ['unguessable chance', 'ids of answers, which open them'],
  'storage/answers/answer-file.ts': ['unguessable chance', 'salt and nonces of encrypted files'],
  'gateway/json-answer.ts': ['turn', 'each piece of a large answer is encoded in a turn of its own']
}
/** Programs that run a node on this machine: their time is the machine's, and their words go to the terminal. */
const RUNNERS: ReadonlySet<string> = new Set(['sim', 'lab', 'soak', 'bench', 'examples'])
const DRIVERS: ReadonlySet<string> = new Set(['cli', ...RUNNERS])
/** What decides by the rules of `interface/core.ts`, and what it decides with. */
const CORES = [
  'capabilities/engines/batching/batch-core.ts',
  'capabilities/engines/batching/run-cost-core.ts',
  'capabilities/engines/threads-core.ts',
  'capabilities/models/residency-core.ts',
  'capabilities/models/residency-memory.ts',
  'capabilities/models/residency-state.ts',
  'capabilities/serving/admission-core.ts',
  'capabilities/serving/fair-turns-core.ts',
  'capabilities/serving/speed-core.ts',
  'node/batch/assign.ts',
  'node/batch/batch-core.ts',
  'node/batch/batch-state.ts',
  'node/batch/may-try.ts',
  'node/batch/pace.ts',
  'node/batch/verdict.ts',
  'node/batch/window.ts',
  'node/jobs/job-core.ts',
  'node/manifests/manifest-schedule.ts',
  'node/membership/chain.ts',
  'node/memory/log/chain-core.ts',
  'node/memory/recall/fusion-core.ts',
  'node/memory/space/rights.ts',
  'node/membership/members-core.ts',
  'node/membership/policy.ts',
  'node/membership/removals.ts',
  'node/manifests/provider-core.ts',
  'node/memory/sync/serve-core.ts',
  'node/memory/sync/sync-core.ts',
  'node/memory/sync/sync-state.ts',
  'node/memory/sync/take-core.ts',
  'node/routing/decisions.ts',
  'node/routing/failures.ts',
  'node/routing/patience.ts',
  'node/routing/rank.ts',
  'node/routing/retry-budget.ts',
  'node/routing/room.ts',
  'node/routing/router-core.ts',
  'node/routing/continuation.ts',
  'node/routing/router-state.ts',
  'node/routing/router-steps.ts',
  'node/routing/track-record.ts',
  'node/routing/turns.ts',
  'node/serving/yielding-core.ts',
  'node/weights/replication/replication-core.ts',
  'node/weights/sharing/claim-core.ts'
]
/** Hashing is arithmetic. */
const CORE_PACKAGES: ReadonlySet<string> = new Set(['node:crypto'])
const PRODUCT: ReadonlySet<string> = new Set([
  'interface',
  'protocols',
  'storage',
  'capabilities',
  'node',
  'units',
  'gateway',
  'cli',
  'client'
])
/** Rooms of `node/` that hold a feature each. */
const FEATURES: ReadonlySet<string> = new Set([
  'answers',
  'batch',
  'device',
  'engines',
  'journal',
  'manifests',
  'mcp',
  'membership',
  'memory',
  'metrics',
  'models',
  'pairing',
  'receipts',
  'resources',
  'routing',
  'serving',
  'services',
  'weights'
])
/** The seam itself: features import it, so it names types of them in their own files. */
const SEAM = 'node/feature.ts'
const LINES_MAX = 250
const FUNCTION_LINES_MAX = 70
const IMPORT =
  /(?:^|\n)\s*(?:import\s*|(?:import|export)\b[^'"=;]*?\bfrom\s*)['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]/g

const files = Object.keys(BELOW).flatMap(folder =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter(name => /(?<!\.generated)\.ts$/.test(name) && !name.split(sep).includes('dist'))
    .map(name => join(folder, name))
)

const importsOf = (file: string): string[] =>
  [...readFileSync(join(ROOT, file), 'utf8').matchAll(IMPORT)].map(match => (match[1] ?? match[2])!)

/** Files and packages that these files load, those included that others of them load. Types load nothing. */
function loadedBy(waiting: string[]): Set<string> {
  const seen = new Set<string>()
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (seen.has(file)) continue
    seen.add(file)
    if (!file.endsWith('.ts')) continue
    const code = readFileSync(join(ROOT, file), 'utf8').replace(
      /^(?:im|ex)port type [\s\S]*?from '.*'$/gm,
      ''
    )
    for (const match of code.matchAll(IMPORT)) {
      const name = (match[1] ?? match[2])!
      waiting.push(name.startsWith('.') ? join(dirname(file), name) : name)
    }
  }
  return seen
}

/** Without comments, which may speak of what the code must not do. */
const codeOf = (file: string): string =>
  readFileSync(join(ROOT, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/ .*$/gm, '')

const folderOf = (path: string): string => path.split(sep)[0]!

/** Sets of files that import one another, types included. */
function circlesOf(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const reach = (from: string): Set<string> => {
    const seen = new Set<string>()
    const waiting = [...graph.get(from)!]
    for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
      if (seen.has(file)) continue
      seen.add(file)
      waiting.push(...(graph.get(file) ?? []))
    }
    return seen
  }
  const reached = new Map([...graph.keys()].map(file => [file, reach(file)]))
  const circles = new Map<string, string[]>()
  for (const [file, seen] of reached) {
    if (!seen.has(file)) continue
    const circle = [...seen].filter(other => reached.get(other)?.has(file)).sort()
    circles.set(circle[0]!, circle)
  }
  return [...circles.values()]
}

/** Functions and methods with their lines, as the formatter lays them out: the first and last line are indented alike. */
function functionsOf(code: string): { name: string; lines: number }[] {
  const lines = code.split('\n')
  return lines.flatMap((line, start) => {
    const [, indent, name] = FUNCTION_HEAD.exec(line) ?? []
    if (indent === undefined) return []
    const heads = /\({?$/.test(line)
      ? lines.findIndex(
          (next, at) => at > start && (next.startsWith(`${indent})`) || next.startsWith(`${indent}}`))
        )
      : start
    if (!lines[heads]?.endsWith('{') || lines[heads].includes('=> {') !== line.includes('const ')) return []
    const end = lines.findIndex((next, at) => at > heads && next === `${indent}}`)
    return [{ name: name!, lines: end - start + 1 }]
  })
}
const FUNCTION_HEAD =
  /^( {0,2})(?:export )?(?:static |async |get |function\*? ?|const |\*)*(#?\w+)(?:<.*>)?(?:\(| = .*=> \{$)/

describe('the floors of the house', () => {
  it('finds imports, or the tests below would prove nothing', () => {
    expect(files.length).toBeGreaterThan(30)
    expect(importsOf(join('node', 'routing', 'router.ts'))).toContain('../../interface/errors.ts')
  })

  it.each(files)('%s imports only from below', file => {
    const folder = folderOf(file)
    const targets = importsOf(file)
      .filter(name => name.startsWith('.'))
      .map(name => folderOf(relative(ROOT, join(ROOT, dirname(file), name))))
    const wrong = targets.filter(target => target !== folder && !BELOW[folder]!.includes(target))
    expect(wrong.filter(target => target !== 'package.json')).toEqual([])
  })

  it.each(files)('%s uses only packages of its floor', file => {
    const wrong = importsOf(file).filter(name =>
      ONLY.some(([pattern, folders]) => pattern.test(name) && !folders.includes(folderOf(file)))
    )
    expect(wrong).toEqual([])
  })

  it('only the settings read the environment, and the command line where the home is and what the terminal shows', () => {
    const readers = files.filter(file => readFileSync(join(ROOT, file), 'utf8').includes('process.env'))
    // Loading the settings takes longer than all else that a read command does.
    const allowed = [
      join('node', 'settings', 'config.ts'),
      join('cli', 'terminal.ts'),
      join('cli', 'client.ts'),
      // Where other programs keep their settings.
      join('cli', 'foreign', 'folders.ts'),
      join('client', 'langgraph', 'node-client.ts')
    ]
    expect(readers.filter(file => !RUNNERS.has(folderOf(file))).sort()).toEqual(allowed.sort())
  })

  it('only the command line writes to stdout', () => {
    const writers = files.filter(file =>
      /process\.stdout|console\.log/.test(readFileSync(join(ROOT, file), 'utf8'))
    )
    expect(writers.filter(file => !DRIVERS.has(folderOf(file)))).toEqual([])
  })

  it('time and chance have one place each, and whoever uses others has a reason', () => {
    const users = files.flatMap(file => {
      // A page has the time of its browser.
      if (DRIVERS.has(folderOf(file)) || folderOf(file) === 'web') return []
      const kinds = Object.entries(AMBIENT).flatMap(([kind, pattern]) =>
        pattern.test(codeOf(file)) ? kind : []
      )
      return kinds.length > 0 ? [`${file.split(sep).join('/')}: ${kinds.join(', ')}`] : []
    })
    const reasons = Object.entries(AMBIENT_ALLOWED).map(([file, [kinds]]) => `${file}: ${kinds}`)
    expect(users.sort()).toEqual(reasons.sort())
  })

  it.each(CORES)('%s is a core: no I/O, no promise, no time and no chance of its own', core => {
    const file = join(...core.split('/'))
    const foreign = importsOf(file).filter(name => !name.startsWith('.') && !CORE_PACKAGES.has(name))
    expect(foreign).toEqual([])
    expect(codeOf(file)).not.toMatch(/\basync\b|\bawait\b|\bPromise\b|\bimport\(|\bprocess\.|\bconsole\./)
    for (const pattern of Object.values(AMBIENT)) expect(codeOf(file)).not.toMatch(pattern)
  })

  it('whatever is called a core is held to it', () => {
    const called = files.filter(file => file.endsWith('-core.ts')).map(file => file.split(sep).join('/'))
    expect(CORES).toEqual(expect.arrayContaining(called))
  })

  it('the process of an engine loads no schema library', () => {
    const engines = ['external', 'llama-cpp', 'onnx', 'transformers'].map(
      name => `capabilities/engines/${name}/engine.ts`
    )
    const ends = [...loadedBy(['capabilities/host/engine-child.ts', ...engines])]
    expect(ends).toContain('interface/limits.ts')
    expect(ends).not.toContain('zod')
    expect([...loadedBy(['capabilities/host/engine-call.ts'])]).toContain('zod')
  })

  it('a node loads no library that only its engines need', () => {
    const loaded = [...loadedBy(['cli/main.ts', 'node/index.ts'])]
    expect(loaded).toContain('capabilities/engines/transformers/kind.ts')
    expect(loaded).not.toContain('@huggingface/transformers')
    expect(loaded).not.toContain('onnxruntime-node')
  })

  it('only a task itself and the engines that do it say its name', () => {
    const tasks = readdirSync(join(ROOT, 'interface', 'tasks'))
      .map(
        name => /^ {2}name: '(.*)',$/m.exec(readFileSync(join(ROOT, 'interface', 'tasks', name), 'utf8'))?.[1]
      )
      .filter(name => name !== undefined)
    expect(tasks).toContain('text-generation')
    const named = new RegExp(`'(${tasks.join('|')})'`)
    const namers = files.filter(file => PRODUCT.has(folderOf(file)) && named.test(codeOf(file)))
    // The checks ask servers of any kind.
    const allowed = [join('interface', 'tasks'), join('capabilities', 'engines'), join('cli', 'conformance')]
    expect(namers.filter(file => !allowed.some(folder => file.startsWith(folder)))).toEqual([])
  })

  it('no two files of the product import each other, over however many others, types included', () => {
    const product = files.filter(file => PRODUCT.has(folderOf(file)))
    const graph = new Map(
      product.map(file => [
        file,
        importsOf(file)
          .filter(name => name.startsWith('.'))
          .map(name => relative(ROOT, join(ROOT, dirname(file), name)))
          .filter(target => PRODUCT.has(folderOf(target)))
      ])
    )
    expect(circlesOf(graph)).toEqual([])
    const circular = new Map([
      ['a', ['b']],
      ['b', ['c']],
      ['c', ['b']]
    ])
    expect(circlesOf(circular)).toEqual([['b', 'c']])
  })

  it('a feature is reached through its index only', () => {
    const reached = files
      .filter(file => PRODUCT.has(folderOf(file)) && file !== join(...SEAM.split('/')))
      .flatMap(file =>
        importsOf(file)
          .filter(name => name.startsWith('.'))
          .map(name => ({ file, target: relative(ROOT, join(ROOT, dirname(file), name)).split(sep) }))
      )
      .filter(
        ({ file, target: [floor, room] }) =>
          floor === 'node' && FEATURES.has(room!) && !file.startsWith(join('node', room!) + sep)
      )
    expect(reached.length).toBeGreaterThan(10)
    expect(reached.filter(({ target }) => target.at(-1) !== 'index.ts')).toEqual([])
  })

  it('no file of the product has more lines than one can oversee', () => {
    const large = files.filter(
      file =>
        PRODUCT.has(folderOf(file)) &&
        readFileSync(join(ROOT, file), 'utf8').split('\n').length - 1 > LINES_MAX
    )
    expect(large).toEqual([])
  })

  it('no function of the product has more lines than one can oversee', () => {
    const measured = files
      .filter(file => PRODUCT.has(folderOf(file)))
      .flatMap(file =>
        functionsOf(readFileSync(join(ROOT, file), 'utf8')).map(found => ({
          ...found,
          name: `${file.split(sep).join('/')} ${found.name}`
        }))
      )
    expect(measured.length).toBeGreaterThan(1000)
    const large = measured.filter(({ lines }) => lines > FUNCTION_LINES_MAX)
    expect(large.map(({ name }) => name)).toEqual([])
  })
})
