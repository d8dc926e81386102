/**
 * Every unit through every face: the same result, and the same error. What a face may not do is refused there with the
 * same words as by the registry, for a caller of its kind.
 */

import assert from 'node:assert/strict'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createClient, LumosClientError } from '../../client/index.ts'
import { errorBody } from '../../gateway/envelope.ts'
import { toJson } from '../../gateway/json-answer.ts'
import { toolName } from '../../gateway/mcp/tools.ts'
import { type LumosError, toLumosError } from '../../interface/errors.ts'
import type { Caller } from '../../interface/units.ts'
import { createUnits, type UnitRegistry } from '../../units/index.ts'
import { runCli } from '../cli/run-cli.ts'
import { serve } from '../client/served-node.ts'
import { connect, type Failure, objectOf } from '../gateway/grpc-client.ts'
import { meets, startNode } from '../node/mesh-nodes.ts'
import { contextOf, OWNER } from './callers.ts'

type Served = Awaited<ReturnType<typeof serve>>
let den: Awaited<ReturnType<typeof startNode>>
let attic: Awaited<ReturnType<typeof startNode>>
let served: Served
let units: UnitRegistry
/** Those of the other device. */
let theirs: UnitRegistry
let rpc: ReturnType<typeof connect>

beforeAll(async () => {
  den = await startNode('den')
  attic = await startNode('attic', [den], { role: 'admin', settings: { 'engines.echo': true } })
  await meets(attic, den)
  served = await serve(den, { grpc: true })
  units = served.units
  den.remote.serve(async () => units)
  theirs = createUnits({ node: attic, gatewayUrl: () => undefined, rotateToken: () => 0, stop() {} })
  rpc = connect(served.gateway.grpc.state(), served.token)
})

afterAll(async () => {
  rpc[Symbol.dispose]()
  await served[Symbol.asyncDispose]()
  for (const node of [attic, den]) await node[Symbol.asyncDispose]()
})

/** What a call gave: an answer, or an error in the form of HTTP. */
type Outcome = { readonly data: unknown } | { readonly error: Record<string, unknown> }
type Input = Record<string, unknown>

const PROGRAM: Caller = { origin: 'tcp', permissions: ['read', 'use', 'manage'] }
const PEER = (): Caller => ({ origin: 'peer', peerId: attic.peerId, permissions: ['read', 'use', 'manage'] })

const outcome = (call: Promise<unknown>, errorOf: (thrown: unknown) => unknown): Promise<Outcome> =>
  call.then(
    data => ({ data: JSON.parse(toJson(data)) }),
    thrown => ({ error: JSON.parse(toJson(errorOf(thrown))) })
  )
const ours = (thrown: unknown) => errorBody(toLumosError(thrown) as LumosError)
const ofClient = (thrown: unknown) => {
  assert.ok(thrown instanceof LumosClientError, String(thrown))
  const { code, message, hint, retryable, details } = thrown
  return { code, message, hint, retryable, details }
}

const direct = (registry: UnitRegistry, unit: string, input: Input, caller: Caller, rest: object = {}) =>
  outcome(registry.execute(unit, input, contextOf(caller, { budgetMs: 20_000, ...rest })), ours)

async function overHttp(unit: string, input: Input): Promise<Outcome> {
  const answer = await fetch(`${served.url}/api/v2/execute`, {
    method: 'POST',
    headers: { authorization: `Bearer ${served.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ unit, input })
  })
  const { success, data, error } = (await answer.json()) as { success: boolean; data: unknown; error: Input }
  return success ? { data } : { error }
}

/** A tool has words where others have an error. */
async function overMcp(unit: string, input: Input): Promise<Outcome | { readonly words: string }> {
  const answer = await fetch(`${served.url}/mcp?tools=${unit}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${served.token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream'
    },
    body: JSON.stringify({
      ...{ jsonrpc: '2.0', id: 1, method: 'tools/call' },
      params: { name: toolName(unit), arguments: input }
    })
  })
  const text = await answer.text()
  const message = JSON.parse(/^data: (\{.*)$/m.exec(text)?.[1] ?? text)
  const { isError, content, structuredContent } = message.result
  if (isError) return { words: content[0].text }
  return { data: structuredContent ?? JSON.parse(content[0].text) }
}

/** What differs from call to call, and is none of the face: numbers, times, and what grows meanwhile. */
function settled(value: unknown): unknown {
  if (typeof value === 'number') return 0
  if (typeof value === 'string') return value.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
  if (Array.isArray(value)) return value.map(settled)
  if (!(value instanceof Object)) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, settled(inner)]))
}

const WRONG = { no_such_field: 1 }
const CHAT = { model: 'echo', messages: [{ role: 'user', content: 'well then' }] }
const MISSING = '0000000000'

/** Of commands, those that can be run again and again; of queries that need an input, some that answer. */
const CALLS: readonly [unit: string, input: Input][] = [
  ['node.undrain', {}],
  ['inference.chat', CHAT],
  ['inference.chat', { ...CHAT, model: 'none' }],
  ['inference.run', { model: 'echo', input: { messages: CHAT.messages } }],
  ['inference.embed', { model: 'none', texts: ['a'] }],
  ['resource.allocate', { name: 'a', type: 'program', memory_bytes: 1, gpu_fraction: 0.5 }],
  ['resource.release', { slot_id: MISSING }],
  ['resource.update_slot', { slot_id: MISSING, memory_limit: 1 }],
  ['resource.read', { uri: 'lumos://models' }],
  ['resource.read', { uri: 'lumos://nothing' }],
  ['model.get', { model_id: 'echo' }],
  ['job.show', { id: MISSING }],
  ['no.such', {}]
]

/** Whose answers grow while they are asked for, or are asked for by the way they come. */
const GROWING: ReadonlySet<string> = new Set([
  'event.list',
  'log.list',
  'node.metrics',
  'device.metrics',
  'inference.requests'
])

/** Everything that may be asked without harm: each unit with a wrong input, each query with none. */
function everything(): [unit: string, input: Input][] {
  const all = units.list()
  return [
    ...all.map(({ name }): [string, Input] => [name, WRONG]),
    ...all
      .filter(({ kind, name }) => kind === 'query' && !GROWING.has(name))
      .flatMap(({ name, examples = [{ input: {} }] }): [string, Input][] =>
        examples.map(({ input }): [string, Input] => [name, input as Input])
      ),
    ...CALLS
  ]
}

it('gives each face the same result and the same error, of every unit', async () => {
  const { url, token, socketPath: socket } = served
  const program = createClient({ url, token })
  const owner = createClient({ socket })
  const differing: string[] = []
  let compared = 0
  const compare = (what: string, got: unknown, expected: unknown) => {
    compared++
    try {
      assert.deepEqual(settled(got), settled(expected))
    } catch (thrown) {
      differing.push(`${what}: ${(thrown as Error).message}`)
    }
  }
  for (const [unit, input] of everything()) {
    const at = `${unit} ${JSON.stringify(input)}`
    const expected = await direct(units, unit, input, PROGRAM)
    compare(`HTTP: ${at}`, await overHttp(unit, input), expected)
    compare(
      `client over TCP: ${at}`,
      await outcome(program.execute(unit as never, input as never), ofClient),
      expected
    )
    compare(
      `gRPC: ${at}`,
      await outcome(
        rpc.execute(unit, input).then(({ data }) => data),
        thrown => (thrown as Failure).error
      ),
      expected
    )
    const local = await direct(units, unit, input, OWNER)
    compare(
      `client over the socket: ${at}`,
      await outcome(owner.execute(unit as never, input as never), ofClient),
      local
    )
    const peer = await direct(units, unit, input, PEER())
    if (theirs.has(unit) && !theirs.get(unit).takesPeer)
      compare(`peer: ${at}`, await direct(theirs, unit, input, OWNER, { peer: 'den' }), peer)
    // Secrets are no tools.
    if (!units.has(unit) || units.get(unit).permission === 'keys') continue
    const tool = await overMcp(unit, input)
    if (!('words' in tool)) compare(`MCP: ${at}`, tool, expected)
    else {
      const { code, message } = 'error' in expected ? expected.error : {}
      compare(
        `MCP: ${at}`,
        [tool.words.startsWith(String(message)), tool.words.endsWith(`(E_${code})`)],
        [true, true]
      )
    }
  }
  expect(differing).toEqual([])
  expect(compared).toBeGreaterThan(500)
}, 240_000)

it('gives the pieces of an answer of another device, by gRPC too', async () => {
  const asked = units.stream('inference.chat', CHAT, contextOf(PROGRAM))
  const expected = JSON.parse(toJson(await Array.fromAsync(asked)))
  const chunks = await Array.fromAsync(rpc.itemsOf(rpc.stream('inference.chat', CHAT)))
  const meta = objectOf(chunks.pop().meta)
  expect([meta.peer, meta.route]).toEqual([attic.peerId, 'remote'])
  const items = chunks.map(({ item }) => objectOf(item))
  // Asked through a face, the answer is kept.
  const { content_sha256: digest, ...end } = items.pop()!
  expect(digest).toMatch(/^[0-9a-f]{64}$/)
  expect(settled([...items, end])).toEqual(settled(expected))
})

it('gives them to the command line', async () => {
  const run = async (unit: string, input: Input) => {
    const { stdout, stderr } = await runCli([
      '--home',
      served.home,
      '--json',
      'exec',
      unit,
      JSON.stringify(input)
    ])
    return JSON.parse(stdout || stderr)
  }
  for (const [unit, input] of [
    ['resource.read', { uri: 'lumos://models' }],
    ['model.get', WRONG]
  ] as const) {
    const expected = await direct(units, unit, input, OWNER)
    const told = await run(unit, input)
    if ('data' in expected) expect(settled(told)).toEqual(settled(expected.data))
    else
      expect(told.error ?? told).toMatchObject({ code: expected.error.code, message: expected.error.message })
  }
})

/** A right input where there is one, with one field of it or besides it that is anything. */
const broken = (all: ReturnType<UnitRegistry['list']>) =>
  fc.constantFrom(...all).chain(({ name, input, examples = [] }) => {
    const fields = Object.keys((input as { properties?: object }).properties ?? {})
    return fc.record({
      name: fc.constant(name),
      base: fc.constantFrom({}, ...examples.map(example => example.input as Input)),
      field: fc.oneof(fc.constantFrom('no_such_field', '__proto__', 'constructor', ...fields), fc.string()),
      value: fc.jsonValue()
    })
  })

it('refuses 2,000 hostile inputs over all units by INVALID_INPUT, before anything is done', () => {
  let refused = 0
  const context = contextOf(OWNER)
  fc.assert(
    fc.property(broken(units.list()), ({ name, base, field, value }) => {
      const input = Object.fromEntries([...Object.entries(base), [field, value]])
      try {
        // Not begun: what is right by chance does nothing either.
        units.prepare(name, input, context)
      } catch (thrown) {
        refused++
        assert.match(
          (thrown as LumosError).code,
          /^(?:INVALID_INPUT|INPUT_TOO_LARGE)$/,
          `${name}: ${toJson(input)}`
        )
      }
    }),
    { numRuns: 2000 }
  )
  expect(refused).toBeGreaterThan(1000)
})
