import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Connection } from '@libp2p/interface'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { HostilePeer } from '../node/hostile-peer.ts'
import { startNode, temporaryHome } from '../node/mesh-nodes.ts'
import { DHT_TYPE, deadAddresses, dhtMessage, field, framed, type Hint } from './dht-messages.ts'
import { becomes } from './measures.ts'

const RECORDS = 10_000
const RECORDS_PER_STREAM = 100
const UNHEARD_OF = '/never/heard/of/'
/** A CIDv1 of raw bytes, by their sha2-256. */
const randomCid = (): Uint8Array => Buffer.concat([Uint8Array.of(1, 0x55, 0x12, 32), randomBytes(32)])

/** What the library was given to keep records in. */
interface Inside {
  readonly components: { readonly datastore: { query(query: object): AsyncIterable<object> } }
}

/** The node's `cache.db`, as it is on disk. */
class StoredRows implements Disposable {
  readonly #database: DatabaseSync

  constructor(home: string) {
    this.#database = new DatabaseSync(join(home, 'cache.db'), { readOnly: true })
  }

  count(prefix: string): number {
    const { rows } = this.#select('count(*) AS rows', prefix) as { rows: number }
    return rows
  }

  largest(prefix: string): Buffer {
    const { value } = this.#select('value, max(length(value))', prefix) as { value: Uint8Array }
    return Buffer.from(value)
  }

  #select(what: string, prefix: string): unknown {
    const statement = `SELECT ${what} FROM datastore WHERE CAST(key AS TEXT) LIKE ?`
    return this.#database.prepare(statement).get(`${prefix}%`)
  }

  [Symbol.dispose](): void {
    this.#database.close()
  }
}

describe('a member that fills the DHT and the peer store', () => {
  let home: string
  let node: Awaited<ReturnType<typeof startNode>>
  let hostile: HostilePeer
  let connection: Connection
  let stored: StoredRows

  beforeEach(async () => {
    home = await temporaryHome()
    node = await startNode('node', [], { home, settings: { 'swarm.dht': true } })
    hostile = await HostilePeer.member(node)
    connection = await hostile.dial(node)
    await hostile.hello(connection, await hostile.sealed())
    stored = new StoredRows(home)
  })
  afterEach(async () => {
    stored[Symbol.dispose]()
    await hostile[Symbol.asyncDispose]()
    await node.stop({ drainMs: 0 })
  })

  const dht = () => `/lumos/${hostile.mesh}/kad/1.0.0`
  const self = (): Hint => ({
    id: hostile.libp2p.peerId.toMultihash().bytes,
    addresses: deadAddresses(1).map(({ bytes }) => bytes)
  })

  /** Resolves when the other side has dealt with what was sent: it has ended the stream. */
  async function send(protocol: string, messages: readonly Uint8Array[]): Promise<void> {
    const stream = await connection.newStream(protocol)
    stream.addEventListener('message', () => {})
    stream.send(Buffer.concat(messages))
    void stream.close().catch(() => {})
    await becomes('the stream has ended', 10_000, () => !['open', 'closing'].includes(stream.status))
  }

  it('leaves no record on disk there, and few of what it provides in memory', async () => {
    for (let sent = 0; sent < RECORDS; sent += RECORDS_PER_STREAM) {
      const records = Array.from({ length: RECORDS_PER_STREAM }, () =>
        dhtMessage({ type: DHT_TYPE.addProvider, key: randomCid(), providers: [self()] })
      )
      await send(dht(), records)
    }
    const key = Buffer.from(`/pk/${randomBytes(34).toString('latin1')}`, 'latin1')
    const record = Buffer.concat([field(1, key), field(2, randomBytes(36)), field(5, Buffer.from('x'))])
    await send(dht(), [dhtMessage({ type: DHT_TYPE.putValue, key, record })])

    const { components } = node.network().libp2p.services.dht as unknown as Inside
    const inMemory = (await Array.fromAsync(components.datastore.query({ prefix: '/dht/provider' }))).length
    console.log(`DHT: of ${RECORDS} provider records and a value of a member, ${inMemory} are kept in memory`)
    expect(stored.count('/dht')).toBe(0)
    expect(inMemory).toBe(512)
  }, 60_000)

  it('cannot make its own entry there larger than twenty addresses and fifty protocols', async () => {
    // As many messages as identify reads of one stream, each nearly as large as it may be.
    const listens = deadAddresses(3000).map(({ bytes }) => field(2, bytes))
    const speaks = Array.from({ length: 1500 }, (_, i) => field(3, Buffer.from(`${UNHEARD_OF}${i}`)))
    const messages = Array.from({ length: 10 }, (_, i) =>
      framed(
        Buffer.concat([...listens.slice(i * 300, (i + 1) * 300), ...speaks.slice(i * 150, (i + 1) * 150)])
      )
    )
    await send('/ipfs/id/push/1.0.0', messages)
    const protocols = () => stored.largest('/peers').toString('latin1').split(UNHEARD_OF).length - 1
    await becomes('the entry is there, and short', 10_000, () => protocols() > 0 && protocols() <= 50)
    const bytes = stored.largest('/peers').length
    console.log(`peer store: 3,000 addresses and 1,500 protocols of one member leave ${bytes} bytes`)
    expect(bytes).toBeLessThan(4096)
  }, 120_000)
})
