/** What reads the files of a device, the requests of its programs, and what its people type. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join, sep } from 'node:path'
import { Readable } from 'node:stream'
import { generateKeyPairFromSeed, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { readGguf } from '../../../capabilities/engines/llama-cpp/gguf.ts'
import { factsOf } from '../../../capabilities/engines/llama-cpp/gguf-facts.ts'
import { imageTensor } from '../../../capabilities/engines/onnx/image.ts'
import { readModels } from '../../../capabilities/index.ts'
import { admit } from '../../../gateway/access.ts'
import { BodyReader } from '../../../gateway/body.ts'
import { hostsOf } from '../../../gateway/hosts.ts'
import { JsonThread } from '../../../gateway/json-thread.ts'
import { Sessions } from '../../../gateway/sessions.ts'
import { systemClock } from '../../../interface/clock.ts'
import { LumosError, NoProviderError } from '../../../interface/errors.ts'
import type { LumosNode } from '../../../interface/node.ts'
import { PERMISSIONS } from '../../../interface/units.ts'
import { EventBus } from '../../../node/events/event-bus.ts'
import { rootKeyFromText, rootKeyToText } from '../../../node/membership/root-key.ts'
import { describeConfig, loadConfig } from '../../../node/settings/config.ts'
import { openDatabase } from '../../../storage/database/database.ts'
import { CORE_MIGRATIONS } from '../../../storage/database/schema.ts'
import { checkWriteAheadLog } from '../../../storage/database/write-ahead-log.ts'
import { readAdoptedPorts } from '../../../storage/home/adopted-ports.ts'
import { readGatewayToken } from '../../../storage/home/gateway-token.ts'
import { readRunFile } from '../../../storage/home/run-file.ts'
import { unwrap, wrap } from '../../../storage/keys/key-wrap.ts'
import { parseKey } from '../../../storage/keys/keychain.ts'
import { MeshStore } from '../../../storage/mesh/mesh-store.ts'
import { createUnits } from '../../../units/index.ts'
import { headOf, tensor, withEntry } from '../../capabilities/gguf-files.ts'
import type { Target } from '../target.ts'

const dir = mkdtempSync(join(tmpdir(), 'lumos-fuzz-'))
process.on('exit', () => rmSync(dir, { recursive: true, force: true }))
const text = (lines: string): Buffer => Buffer.from(lines)
const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString()

const key = await generateKeyPairFromSeed('Ed25519', createHash('sha256').update('key').digest())
const keyFile = privateKeyToProtobuf(key)
const PASSPHRASE = 'a passphrase of old'
const wrapped = await wrap(keyFile, PASSPHRASE)

const SETTINGS = `name: den
mesh: { name: home }
swarm:
  port: 0
  peers: [/ip4/192.168.1.2/tcp/5867]
log:
  level: info
`

async function settings(bytes: Uint8Array): Promise<unknown> {
  writeFileSync(join(dir, 'lumos.yaml'), bytes)
  const loaded = await loadConfig({ home: dir, env: {} })
  assert.equal(({} as Record<string, unknown>).polluted, undefined)
  return describeConfig(loaded).length
}

const HOST = '127.0.0.1:5866'
const access = {
  hosts: hostsOf('127.0.0.1', 5866, []),
  token: 'T'.repeat(43),
  sessions: new Sessions(systemClock),
  origins: new Set<string>()
}
const REQUEST = `POST /api/v2/execute
host: ${HOST}
authorization: Bearer ${access.token}
content-type: application/json
origin: http://${HOST}`

/** A request line and headers, a line each, as Node's parser gives them to us. */
function request(bytes: Uint8Array): IncomingMessage {
  const [first = '', ...lines] = textOf(bytes).split('\n')
  const [method = '', url = ''] = first.split(' ')
  const headersDistinct: Record<string, string[]> = Object.create(null)
  for (const line of lines) {
    const at = line.indexOf(':')
    if (at < 1) continue
    const name = line.slice(0, at).toLowerCase()
    headersDistinct[name] = [...(headersDistinct[name] ?? []), line.slice(at + 1).trim()]
  }
  const headers = Object.fromEntries(Object.entries(headersDistinct).map(([name, [value]]) => [name, value]))
  return { method, url, headers, headersDistinct, socket: { remoteAddress: '127.0.0.1' } } as never
}

function admitted(bytes: Uint8Array): void {
  const incoming = request(bytes)
  const caller = admit(incoming, access)
  if (caller instanceof LumosError) throw caller
  assert.ok(!caller.permissions.includes('keys'))
  assert.deepEqual(incoming.headersDistinct.host?.length, 1)
  assert.ok(access.hosts.has(incoming.headers.host!), 'no other host is ever served')
  assert.ok(incoming.url?.startsWith('/'))
}

/** Of a node, what units call instead of the node itself. */
const FACETS: ReadonlySet<string | symbol> = new Set([
  'answers',
  'device',
  'batch',
  'engine',
  'jobs',
  'mcp',
  'journal',
  'memory',
  'mesh',
  'metrics',
  'resource',
  'services',
  'wake',
  'weights'
])
const nobody = new Proxy(
  {
    peerId: 'nobody',
    events: new EventBus({ clock: systemClock, random: Math.random })
  } as unknown as LumosNode,
  {
    get: (target, name) =>
      name in target
        ? target[name as keyof LumosNode]
        : FACETS.has(name)
          ? nobody
          : () => {
              throw new NoProviderError('There is no node here.')
            }
  }
)
export const units = createUnits({
  node: nobody,
  gatewayUrl: () => undefined,
  rotateToken: () => 0,
  stop() {}
})
const names = units.list().map(({ name }) => name)

/** A body as it comes, and the unit that it is for. */
async function body(bytes: Uint8Array): Promise<unknown> {
  const incoming = Object.assign(Readable.from([Buffer.from(bytes)]), {
    headers: {}
  }) as unknown as IncomingMessage
  const caller = { origin: 'local', permissions: PERMISSIONS } as const
  const { value } = await new BodyReader(units.inputBytesMax, new JsonThread(systemClock)).readJson(
    { incoming, caller },
    units.inputBytesMax
  )
  const { unit, input } = Object(value)
  const context = { requestId: 'r', caller, budgetMs: 1000, onRoute() {} }
  const answer = units.execute(String(unit), input ?? {}, context)
  return await answer.catch(thrown => {
    // Its input was taken, which is all that is asked here.
    if (!(thrown instanceof NoProviderError)) throw thrown
  })
}

const MODEL = readFileSync(new URL('../../../models/digits-cnn/model_info.json', import.meta.url))
mkdirSync(join(dir, 'models', 'digits-cnn', 'onnx'), { recursive: true })
const graph = JSON.parse(MODEL.toString()).runtimes.onnx.files[0]
writeFileSync(join(dir, 'models', 'digits-cnn', graph), 'x')

async function model(bytes: Uint8Array): Promise<string> {
  writeFileSync(join(dir, 'models', 'digits-cnn', 'model_info.json'), bytes)
  const folder = join(dir, 'models', 'digits-cnn')
  const [found] = await readModels(folder)
  for (const part of found!.parts) assert.ok(part.startsWith(folder + sep), 'no file of somebody else')
  return found!.id
}

/** The head of a model whose weights are of a kind that is not known. */
const head = headOf({ 'general.architecture': 'llama', 'llama.context_length': 512 }, [
  tensor('w', [4], 0, 99)
])

const png = readFileSync(new URL('../../fixtures/digits/0.png', import.meta.url))
const jpeg = Buffer.from(await (await import('sharp')).default(png).jpeg().toBuffer())
const IMAGE = {
  ...{ input: 'x', output: 'y', width: 28, height: 28, labels: ['0'] },
  ...({
    kernel: 'linear',
    fit: 'fill',
    color: 'gray',
    background: 'black',
    layout: 'NCHW',
    range: [0, 1],
    mean: [0],
    std: [1]
  } as const)
}

const corePath = join(dir, 'core.db')
function core(bytes: Uint8Array): number {
  for (const side of ['-wal', '-shm', '-journal', '.v1.bak']) rmSync(corePath + side, { force: true })
  writeFileSync(corePath, bytes)
  using database = openDatabase(corePath, { migrations: CORE_MIGRATIONS, synchronous: 'NORMAL' })
  const store = new MeshStore(database)
  return store.members().length + store.revocations().length + (store.mesh() === undefined ? 0 : 1)
}
core(new Uint8Array())
const database = readFileSync(corePath)

function log(bytes: Uint8Array): void {
  const path = join(dir, 'logged.db')
  writeFileSync(`${path}-wal`, bytes)
  checkWriteAheadLog(path)
}

function file<T>(name: string, bytes: Uint8Array, read: (path: string) => T): T {
  writeFileSync(join(dir, name), bytes)
  return read(join(dir, name))
}

export const HOST_TARGETS: readonly Target[] = [
  {
    name: 'settings',
    share: 0.1,
    seeds: [text(SETTINGS), text('')],
    words: [
      'swarm:',
      'peers:',
      '[',
      '{',
      '*a',
      '&a ',
      '<<: ',
      '!!js/function ',
      '__proto__: ',
      '\n  ',
      '? ',
      '| '
    ],
    read: settings
  },
  {
    name: 'request head',
    seeds: [text(REQUEST), text(`GET /health/live\nhost: ${HOST}`)],
    words: [
      HOST,
      'localhost:5866',
      'host: ',
      'origin: null',
      'http://',
      '\n',
      'Bearer ',
      'cookie: ',
      'GET //'
    ],
    read: admitted
  },
  {
    name: 'request body',
    share: 0.2,
    seeds: [text('{"unit":"mesh.status","input":{}}'), text('{"unit":"mesh.peers","input":{}}')],
    words: [
      ...names,
      '"unit":',
      '"input":',
      '{',
      '[',
      '"__proto__":',
      '"task":"tensor"',
      '"params":{"max_tokens":',
      '"topK":',
      '"model_id":',
      '1e999',
      '\\ud800',
      'null'
    ],
    read: body
  },
  {
    name: 'model description',
    share: 0.05,
    seeds: [MODEL],
    words: ['"../../x.onnx"', '"/etc/passwd"', '"onnx":', '{', '[', '"__proto__":', '1e999', '-1', 'null'],
    read: model
  },
  {
    name: 'model file',
    share: 0.2,
    // Weights follow the head, and are not read.
    seeds: [head, withEntry(head, 'tokenizer.chat_template', '{{ messages }}')],
    words: ['general.architecture', 'llama.pooling_type', 'general.alignment'],
    read: bytes => file('some.gguf', bytes, async path => factsOf(await readGguf(path))?.task)
  },
  {
    name: 'picture',
    share: 0.05,
    seeds: [png, jpeg],
    read: async bytes => (await imageTensor(bytes, IMAGE, {})).size
  },
  { name: 'key file', share: 0.2, seeds: [keyFile], read: bytes => parseKey('a.key', bytes) },
  {
    name: 'key under a passphrase',
    // The seed takes what a passphrase shall take.
    seeds: [],
    read: async bytes => {
      if (Buffer.compare(bytes, wrapped) !== 0 && (await unwrap(bytes, PASSPHRASE, 'a.key')) !== undefined) {
        throw new Error('another file opens with the same passphrase')
      }
    },
    mutate: (_bytes, random) => {
      const changed = Uint8Array.from(wrapped)
      changed[Math.floor(random() * changed.length)]! ^= 1 << Math.floor(random() * 8)
      return random() < 0.5 ? changed : changed.subarray(0, Math.floor(random() * changed.length))
    }
  },
  {
    name: 'root key on paper',
    share: 0.2,
    seeds: [text(rootKeyToText(key))],
    words: ['lumos-root:', ' ', '\n', '2', 'a'],
    read: bytes => rootKeyFromText(textOf(bytes)).then(rootKeyToText)
  },
  {
    name: 'run file',
    share: 0.2,
    seeds: [text('{"pid":1,"socketPath":"/x"}')],
    words: ['"pid":', '"socketPath":', 'null', '{', '['],
    read: bytes => file('run.json', bytes, () => readRunFile(dir)),
    state: () => ''
  },
  {
    name: 'token file',
    share: 0.1,
    seeds: [text('T'.repeat(43))],
    read: bytes => file('gateway.token', bytes, readGatewayToken)
  },
  {
    name: 'adopted ports',
    share: 0.1,
    seeds: [text('[{"product":"ollama","port":11434}]')],
    words: ['"product":', '"lmstudio"', '"port":', 'null', '1e9', '['],
    read: bytes => file('adopted.json', bytes, readAdoptedPorts),
    state: () => ''
  },
  { name: 'database', share: 0.02, seeds: [database], read: core },
  { name: 'write-ahead log', share: 0.2, seeds: [new Uint8Array(), writeAheadLog()], read: log }
]

/** One of a database that is not closed. */
function writeAheadLog(): Buffer {
  const path = join(dir, 'open.db')
  using open = openDatabase(path, { migrations: CORE_MIGRATIONS, synchronous: 'FULL' })
  for (let n = 0; n < 3; n++) open.prepare('INSERT INTO counter VALUES (?, ?)').run(`${n}`, n)
  return readFileSync(`${path}-wal`)
}
