/** Weights that any peer may have: a stock Helia, with nothing of this project, fetches them by CID. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { unixfs } from '@helia/unixfs'
import { identify } from '@libp2p/identify'
import type { Connection } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createHelia } from 'helia'
import { createLibp2p } from 'libp2p'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'
import { describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../interface/clock.ts'
import { hasEnded, type JobInfo } from '../../interface/jobs.ts'
import { LEAF_BYTES } from '../../interface/limits.ts'
import type { LumosNode } from '../../interface/node.ts'
import { Ipfs } from '../../node/weights/origins/ipfs.ts'
import { PublicHost } from '../../node/weights/public/host.ts'
import { WantsParser } from '../../protocols/bitswap/codec.ts'
import { WANTS_MAX } from '../../protocols/bitswap/handler.ts'
import { fieldsOf, lengthPrefixed, protobuf } from '../../protocols/bitswap/protobuf.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'
import { content, ENVELOPE } from '../storage/weights/content.ts'
import { leavesOf, openStore, repositoryOf, temporaryFolder } from '../storage/weights/store-parts.ts'
import { startNode } from './mesh-nodes.ts'

const BITSWAP = '/ipfs/bitswap/1.2.0'
const QUIET = { debug() {}, info() {}, warn() {}, error() {} }
const PUBLIC = {
  'weights.public.models': ['open'],
  'weights.public.host': '127.0.0.1',
  'weights.public.port': 0
}
const NOT_HERE = 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku'
const FILES = { 'a/model.gguf': content(5 * LEAF_BYTES + 7), 'README.md': content(9) }
const SECRET = { 'secret.gguf': content(LEAF_BYTES + 3).reverse(), 'README.md': content(9) }

type Field = Parameters<typeof protobuf>[0][number]

/** A SHA-256 of no content. */
function digest(n: number) {
  const bytes = new Uint8Array(32)
  new DataView(bytes.buffer).setUint32(0, n)
  return create(0x12, bytes)
}

/** As its README makes one, with a network of its own: TCP on loopback, and none of the public services. */
async function stockHelia(listen: string[] = []) {
  const helia = createHelia({
    http: { delegatedRouters: [], recursiveGateways: [] },
    libp2p: {
      addresses: { listen },
      transports: [tcp()],
      connectionEncrypters: [tls()],
      streamMuxers: [yamux()],
      peerDiscovery: [],
      services: { identify: identify() } as never
    }
  })
  await helia.start()
  onTestFinished(async () => void (await helia.stop()))
  return helia
}
type Stock = Awaited<ReturnType<typeof stockHelia>>

async function publicHost() {
  const folder = temporaryFolder()
  const { store } = await openStore(folder)
  const open = await repositoryOf(store, 'open', FILES)
  await store.add(open, ENVELOPE)
  const secret = await repositoryOf(store, 'secret', SECRET)
  await store.add(secret, ENVELOPE)
  const settings = { models: ['open'], host: '127.0.0.1', port: 0 }
  const start = () =>
    PublicHost.start({ settings, store, directory: join(folder, 'keys'), clock: systemClock, log: QUIET })
  const host = await start()
  onTestFinished(() => host.stop())
  return { host, start, store, open, secret }
}

async function readAll({ helia, root, path }: { helia: Stock; root: string; path: string }): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const part of unixfs(helia).cat(CID.parse(root), { path })) parts.push(part)
  return Buffer.concat(parts)
}

/** A peer that speaks Bitswap by hand, and what is answered to it. */
async function stranger(host: PublicHost) {
  const libp2p = await createLibp2p({
    addresses: { listen: [] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify() }
  })
  onTestFinished(async () => void (await libp2p.stop()))
  const answered = new EventTarget()
  const presences = new Map<string, boolean>()
  await libp2p.handle(BITSWAP, stream => {
    const parser = new WantsParser()
    stream.addEventListener('message', ({ data }) => {
      for (const message of parser.push(data.subarray())) {
        for (const [number, value] of fieldsOf(message)) {
          assert.equal(number, 4, 'a presence')
          const fields = new Map(fieldsOf(value as Uint8Array))
          presences.set(CID.decode(fields.get(1) as Uint8Array).toString(), fields.get(2) === 0)
        }
      }
      answered.dispatchEvent(new Event('answer'))
    })
  })
  const connection = await libp2p.dial(multiaddr(host.addresses[0]!))
  const send = async (bytes: Uint8Array): Promise<void> => {
    const stream = await connection.newStream(BITSWAP)
    stream.send(bytes)
    await stream.close()
  }
  return {
    libp2p,
    connection,
    send,
    async ask(cids: readonly CID[]): Promise<boolean[]> {
      await send(wantsOf(cids))
      while (cids.some(cid => !presences.has(cid.toString()))) await once(answered as never, 'answer')
      return cids.map(cid => presences.get(cid.toString())!)
    }
  }
}

/** Asks whether they are there, and to be told if not. */
function wantsOf(cids: readonly CID[]): Uint8Array {
  const entries = cids.map(cid =>
    protobuf([
      ...([
        [1, cid.bytes],
        [4, 1],
        [5, 1]
      ] as const)
    ])
  )
  return lengthPrefixed(protobuf([[1, protobuf(entries.map(entry => [1, entry] as const))]]))
}

const closed = (connection: Connection): Promise<unknown> =>
  connection.status === 'open' ? once(connection as never, 'close') : Promise.resolve()

describe('a public repository', () => {
  it('is fetched by its CID over Bitswap by a stock Helia, byte for byte', async () => {
    const { host, open } = await publicHost()
    const helia = await stockHelia()
    await helia.libp2p.dial(multiaddr(host.addresses[0]!))
    const names: string[] = []
    for await (const { name } of unixfs(helia).ls(CID.parse(open.cid))) names.push(name)
    assert.deepEqual(names.sort(), ['README.md', 'a'])
    for (const [path, bytes] of Object.entries(FILES))
      assert.ok((await readAll({ helia, root: open.cid, path })).equals(bytes), path)
  })

  it('keeps its peer id over a restart', async () => {
    const { host, start } = await publicHost()
    const again = await start()
    onTestFinished(() => again.stop())
    const peerOf = ({ addresses }: PublicHost) => addresses[0]!.split('/p2p/')[1]
    assert.equal(peerOf(again), peerOf(host))
  })
})

describe('a stranger', () => {
  it('gets no block of a repository that is not listed, as if it were not here', async () => {
    const { host, secret, store, open } = await publicHost()
    const { ask } = await stranger(host)
    const file = secret.files.find(({ path }) => path === 'secret.gguf')!
    const readme = secret.files.find(({ path }) => path === 'README.md')!
    const hidden = [secret.cid, file.cid, ...leavesOf(store, file.cid), NOT_HERE].map(cid => CID.parse(cid))
    assert.ok(hidden.slice(0, -1).every(cid => store.hasBlock(cid.toString())))
    assert.deepEqual(new Set(await ask(hidden)), new Set([false]))
    // What both repositories have is public.
    assert.deepEqual(await ask([CID.parse(open.cid), CID.parse(readme.cid)]), [true, true])
  })

  it('finds identify and Bitswap, and no protocol or address of the mesh', async () => {
    await using node = await startNode('den', [], { settings: PUBLIC })
    const file = join(temporaryFolder(), 'tiny.bin')
    await writeFile(file, 'weights')
    const { cid } = await node.weights.import(file, { name: 'open' })
    const log = await readFile(join(node.home.logDir, 'lumos.log'), 'utf8')
    const line = log.split('\n').find(text => text.includes('weights are public'))
    const { addresses } = JSON.parse(line!) as { addresses: string[] }
    const { libp2p, connection, ask } = await stranger({ addresses } as unknown as PublicHost)
    assert.deepEqual(await ask([CID.parse(cid)]), [true])
    const { protocols, listenAddrs } = await libp2p.services.identify.identify(connection)
    assert.deepEqual(protocols.sort(), [BITSWAP, '/ipfs/id/1.0.0'])
    assert.deepEqual(listenAddrs, [])
    assert.notEqual(connection.remotePeer.toString(), node.peerId)
    await assert.rejects(connection.newStream('/lumos/hello/1'), { name: 'UnsupportedProtocolError' })

    const mesh = await libp2p.dial(multiaddr(node.status().addresses[0]!))
    await assert.rejects(mesh.newStream(BITSWAP), { name: 'UnsupportedProtocolError' })
  })

  it.each([
    ['a message over its limit', Uint8Array.of(0xff, 0xff, 0x7f)],
    ['a length that has no end', new Uint8Array(9).fill(0x80)],
    ['what is no protobuf', lengthPrefixed(Uint8Array.of(0x0f))],
    ['a want of no CID', lengthPrefixed(protobuf([[1, protobuf([[1, protobuf([[1, Uint8Array.of(9)]])]])]]))]
  ])('that sends %s loses its connection', async (_, bytes) => {
    const { host } = await publicHost()
    const { send, connection } = await stranger(host)
    await Promise.all([closed(connection), send(bytes).catch(() => {})])
  })

  it('that has more wants than a connection may loses it', async () => {
    const { host } = await publicHost()
    const { send, connection } = await stranger(host)
    const batch = (from: number) =>
      wantsOf(Array.from({ length: 1024 }, (_, n) => CID.createV1(0x55, digest(from + n))))
    const batches = Array.from({ length: Math.ceil(WANTS_MAX / 1024) + 1 }, (_, n) => batch(n * 1024))
    await Promise.all([closed(connection), send(Buffer.concat(batches)).catch(() => {})])
  })

  it('that comes last has room: the oldest connection goes', async () => {
    const { host, open } = await publicHost()
    const first = await stranger(host)
    const others = await Promise.all(Array.from({ length: 32 }, () => stranger(host)))
    await closed(first.connection)
    assert.deepEqual(await others.at(-1)!.ask([CID.parse(open.cid)]), [true])
  })
})

async function pull(node: LumosNode, input: object): Promise<JobInfo> {
  for await (const job of node.jobs.watch(node.jobs.begin('model.pull', input).id))
    if (hasEnded(job.state)) return job
  throw new Error('The node ended.')
}

describe('a model of a stock Helia', () => {
  const GGUF = join(import.meta.dirname, '../fixtures/tiny-llm-gguf/tiny-llm-q8_0.gguf')
  const weights = content(2 * LEAF_BYTES + 5)

  /** Offers these files as one directory. */
  async function offered(files: Record<string, Uint8Array>) {
    const helia = await stockHelia(['/ip4/127.0.0.1/tcp/0'])
    const fs = unixfs(helia)
    let cid: CID | undefined
    const source = Object.entries(files).map(([path, content]) => ({ path, content }))
    for await (const added of fs.addAll(source, { wrapWithDirectory: true })) cid = added.cid
    return { helia, fs, cid: cid!, address: helia.libp2p.getMultiaddrs()[0]!.toString() }
  }

  it('is pulled by its CID and the address of its peer, and has the same CID here', async () => {
    await using node = await startNode('den')
    const { cid, address } = await offered({ 'a/model.bin': weights, 'README.md': content(9) })
    const job = await pull(node, { ref: `ipfs:${cid}@${address}`, name: 'foreign' })
    expect(job).toMatchObject({
      state: 'done',
      result: { cid: cid.toString(), sources: [{ from: '127.0.0.1', bytes: weights.byteLength + 9 }] }
    })
  })

  it('is pulled as a single GGUF file, too, and no other single file is', async () => {
    await using node = await startNode('den')
    const { fs, address } = await offered({ 'README.md': content(9) })
    const gguf = await readFile(GGUF)
    const file = await fs.addBytes(gguf)
    const job = await pull(node, { ref: `ipfs:${file}@${address}`, name: 'foreign' })
    expect(job).toMatchObject({ state: 'done', result: { bytes: gguf.byteLength } })
    const other = await fs.addBytes(content(9))
    expect(await pull(node, { ref: `ipfs:${other}@${address}` })).toMatchObject({
      state: 'failed',
      error: { code: 'WEIGHTS_INVALID' }
    })
  })

  it.each([
    ['folders without end', Array.from({ length: 40 }, () => 'a').join('/'), /nested deeper than 32/],
    ['a path that leads out of its folder', '../model.bin', /leads out of its folder/],
    ['two names that differ in their case alone', 'readme.md', /case alone/],
    ['a path that is longer than any', 'x'.repeat(200_000), /longer than 255 characters/]
  ])('that lists %s is refused', async (_, path, expected) => {
    const { cid, address } = await offered({ 'README.md': content(9), [path]: content(7) })
    const origin = new Ipfs({ kind: 'ipfs', cid: cid.toString(), address }, systemClock)
    onTestFinished(() => origin.close())
    await assert.rejects(origin.list(), { code: 'WEIGHTS_INVALID', message: expected })
  })

  /** Nodes of 256 links each, all to the next one: few blocks, and 256^6 ways through them. */
  async function ladder(helia: Stock, dataOf: (below: number) => Field[], names: string[]): Promise<CID> {
    let cid: CID | undefined
    for (let below = 0; below <= 6; below++) {
      const link = (name: string): Field => [
        2,
        protobuf([
          [1, cid!.bytes],
          [2, Buffer.from(name)]
        ])
      ]
      const block = protobuf([...(cid ? names.map(link) : []), [1, protobuf(dataOf(below))]])
      cid = CID.createV1(0x70, create(0x12, createHash('sha256').update(block).digest()))
      await helia.blockstore.put(cid, block)
    }
    return cid!
  }

  it('that is a folder of shards or a file of empty parts without end is refused, and holds up nothing', async () => {
    const helia = await stockHelia(['/ip4/127.0.0.1/tcp/0'])
    const address = helia.libp2p.getMultiaddrs()[0]!.toString()
    const names = Array.from({ length: 256 }, (_, i) => i.toString(16).toUpperCase().padStart(2, '0'))
    const shards = await ladder(
      helia,
      () => [
        [1, 5],
        [5, 0x22],
        [6, 256]
      ],
      names
    )
    const rest = Array<Field>(255).fill([4, 0])
    const parts = await ladder(
      helia,
      below => [[1, 2], [3, 4], ...(below > 0 ? [[4, 4] as Field, ...rest] : [])],
      names
    )
    for (const cid of [shards, parts]) {
      const origin = new Ipfs({ kind: 'ipfs', cid: cid.toString(), address }, systemClock)
      onTestFinished(() => origin.close())
      let turns = 0
      const timer = setInterval(() => turns++, 1)
      onTestFinished(() => clearInterval(timer))
      await assert.rejects(origin.list(), { code: 'WEIGHTS_INVALID' })
      assert.ok(turns > 0)
    }
  })

  it('with a damaged part below its second level fails, and its node goes on', async () => {
    const helia = await stockHelia(['/ip4/127.0.0.1/tcp/0'])
    const address = helia.libp2p.getMultiaddrs()[0]!.toString()
    const parts = (below: number): Field[] =>
      below > 0
        ? [
            [1, 2],
            [3, 4],
            [4, 4]
          ]
        : [[1, 99]]
    const cid = await ladder(helia, parts, ['0'])
    const origin = new Ipfs({ kind: 'ipfs', cid: cid.toString(), address }, systemClock)
    onTestFinished(() => origin.close())
    await assert.rejects(origin.list(), { code: 'WEIGHTS_INVALID' })
  })

  it('is given up where its peer is silent, and asked for once more by a new connection', async () => {
    const clock = new ManualClock()
    const { helia, fs, address } = await offered({ 'README.md': content(9) })
    const origin = new Ipfs({ kind: 'ipfs', cid: NOT_HERE, address }, clock)
    onTestFinished(() => origin.close())
    const asked = assert.rejects(origin.list(), { code: 'ORIGIN_FAILED', message: /sent nothing for 30 s/ })
    await once(helia.libp2p as never, 'connection:open')
    clock.advance(30_000)
    await asked
    // Now it has it.
    await fs.addBytes(Buffer.from('GGUF'))
    const again = once(helia.libp2p as never, 'connection:open')
    await Promise.all([
      again,
      assert.rejects(origin.list({ signal: AbortSignal.timeout(1000) }), { code: 'CANCELLED' })
    ])
  })
})
