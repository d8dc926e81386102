import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, Stream } from '@libp2p/interface'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../interface/clock.ts'
import { ROLES } from '../../interface/membership.ts'
import { libp2pLogger } from '../../node/log/log-libp2p.ts'
import { Guard, type Openers } from '../../node/membership/guard.ts'
import { EVERY_MEMBER, EVERYBODY, type Opener, type Standing } from '../../node/membership/policy.ts'
import { tcpNetwork } from '../../node/network/lan-network.ts'
import { createMeshLibp2p } from '../../node/network/libp2p.ts'
import { HostLog } from '../../sim/host-log.ts'
import { openDatabase } from '../../storage/database/database.ts'
import { SqliteDatastore } from '../../storage/database/datastore.ts'
import { CACHE_MIGRATIONS } from '../../storage/database/schema.ts'
import { temporaryHome } from '../node/mesh-nodes.ts'

const PROTOCOL = '/lumos/example/1'
const PEER = '12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9kSCVe2Xo'

const standingOf = (opener: Opener): Standing =>
  opener === 'stranger' ? { kind: opener } : { kind: 'member', role: opener, name: 'den' }

/** Which peers reach a handler that is registered for these: each comes once. */
function reached(openers: Openers): Opener[] {
  return EVERYBODY.filter(opener => {
    const guard = new Guard({ clock: systemClock, log: new HostLog(), standing: () => standingOf(opener) })
    let handled = 0
    const handler = guard.handler([PROTOCOL], openers, () => {
      handled++
    })
    const aborted: Error[] = []
    const stream = { protocol: PROTOCOL, abort: (why: Error) => aborted.push(why) }
    const connection = { remotePeer: { toString: () => PEER } }
    void handler(stream as unknown as Stream, connection as Connection)
    expect(aborted).toHaveLength(1 - handled)
    return handled === 1
  })
}

describe('a protocol', () => {
  it.each(EVERYBODY)('opens for %s where it names it, and for none else', opener => {
    expect(reached([opener])).toEqual([opener])
  })

  it('opens for no peer where it names none', () => {
    expect(reached([])).toEqual([])
    const guard = new Guard({ clock: systemClock, log: new HostLog(), standing: () => standingOf('admin') })
    expect(guard.openersOf('/lumos/unknown/1')).toEqual([])
  })

  it('asks anew each time where its openers change', () => {
    let open = false
    const openers = () => (open ? EVERYBODY : EVERY_MEMBER)
    expect(reached(openers)).toEqual([...ROLES])
    open = true
    expect(reached(openers)).toEqual([...EVERYBODY])
  })
})

it('registers every protocol of libp2p for members of each role, and for no stranger', async () => {
  const home = await temporaryHome()
  const guard = new Guard({ clock: systemClock, log: new HostLog(), standing: () => standingOf('stranger') })
  const database = openDatabase(join(home, 'cache.db'), {
    migrations: CACHE_MIGRATIONS,
    synchronous: 'NORMAL'
  })
  const libp2p = await createMeshLibp2p({
    privateKey: await generateKeyPair('Ed25519'),
    datastore: new SqliteDatastore(database),
    logger: libp2pLogger(new HostLog()),
    network: tcpNetwork({ hosts: ['127.0.0.1'], port: 0, peers: [] }),
    mesh: 'mesh',
    guard,
    clock: systemClock,
    dht: true,
    agent: 'test',
    addressesOf: () => [],
    onSighted() {}
  })
  await libp2p.start()
  const protocols = libp2p.getProtocols()
  await libp2p.stop()
  database[Symbol.dispose]()
  await rm(home, { recursive: true, force: true })

  for (const word of ['/id/', '/id/push', '/ping', '/meshsub', '/kad'])
    expect(
      protocols.some(protocol => protocol.includes(word)),
      word
    ).toBe(true)
  for (const protocol of protocols) expect(guard.openersOf(protocol), protocol).toEqual(EVERY_MEMBER)
})
