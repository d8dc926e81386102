/** Devices that become members by a code, over real connections. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Transport } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { describe, it } from 'vitest'
import { type Clock, systemClock } from '../../interface/clock.ts'
import type { LumosError } from '../../interface/errors.ts'
import type { EventData } from '../../interface/events.ts'
import type { LumosNode } from '../../interface/node.ts'
import { HANDSHAKE_TIMEOUT_MS, lanNetwork } from '../../node/network/libp2p.ts'
import { formatInviteCode, parseInviteCode } from '../../node/pairing/invite-code.ts'
import { MeshStore } from '../../storage/mesh/mesh-store.ts'
import { meets, startNode, until, waitFor } from '../node/mesh-nodes.ts'

const DAY_MS = 24 * 3600 * 1000

const rolesOf = (node: LumosNode) =>
  Object.fromEntries(node.mesh.members().map(({ name, role }) => [name, role]))

/** What became of each: the code it failed with, or `joined`. */
const outcomes = async (...joins: Promise<unknown>[]) =>
  (await Promise.allSettled(joins)).map(result =>
    result.status === 'fulfilled' ? 'joined' : result.reason.code
  )

/** TCP of a device behind a firewall that drops what is sent to others. */
const silentBeyondLoopback = (components: unknown): Transport => {
  const transport = (tcp() as (components: unknown) => Transport)(components)
  const dial = transport.dial.bind(transport)
  transport.dial = (address, options) => {
    if (address.toString().startsWith('/ip4/127.')) return dial(address, options)
    const { promise, reject } = Promise.withResolvers<never>()
    options.signal.addEventListener('abort', () => reject(options.signal.reason), { once: true })
    return promise
  }
  return transport
}

/** A way to a port, on which the first connection can be broken. */
async function brittleLink(port: number) {
  let connections = 0
  let first: Socket | undefined
  const server = createServer(near => {
    connections++
    const far = connect(port, '127.0.0.1')
    for (const [one, other] of [
      [near, far],
      [far, near]
    ] as const) {
      one.on('error', () => other.destroy()).on('close', () => other.destroy())
    }
    near.pipe(far)
    far.pipe(near)
    first ??= near
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    address: `/ip4/127.0.0.1/tcp/${(server.address() as AddressInfo).port}`,
    break: () => first?.destroy(),
    get connections() {
      return connections
    },
    async [Symbol.asyncDispose]() {
      server.close()
    }
  }
}

describe('a device with a code', () => {
  it('is a member once it has joined, meets the others, and both screens show one phrase', async () => {
    await using den = await startNode('den', [], { settings: { 'mesh.name': 'flat' } })
    await using attic = await startNode('attic')
    let used: EventData<'mesh.invite_used'> | undefined
    den.events.addEventListener('mesh.invite_used', event => {
      used = event.detail
    })

    const joined = await attic.mesh.join(den.mesh.invite().code)
    await Promise.all([meets(den, attic), meets(attic, den)])

    assert.deepEqual([joined.mesh, joined.meshId], ['flat', den.status().meshId])
    assert.deepEqual(used, { peerId: attic.peerId, name: 'attic', role: 'member', phrase: joined.phrase })
    assert.deepEqual(
      attic.mesh.members().map(({ name, role, online, self }) => [name, role, online, self]),
      [
        ['attic', 'member', true, true],
        ['den', 'admin', true, false]
      ]
    )
  })

  it('meets members who had turned it away before', async () => {
    await using den = await startNode('den')
    await using cellar = await startNode('cellar', [den])
    await meets(den, cellar)
    // It dials both, is of another mesh, and so is let go.
    await using attic = await startNode('attic', [], {
      settings: { 'swarm.peers': [...den.status().addresses, ...cellar.status().addresses] }
    })
    await sawMesh(attic, 2)
    await attic.mesh.join(den.mesh.invite().code)
    await Promise.all([meets(attic, den), meets(attic, cellar), meets(cellar, attic)])
  })

  it('gets the role it was invited as, and a name nobody else has', async () => {
    await using den = await startNode('den')
    await using one = await startNode('pi')
    await using other = await startNode('pi')
    await one.mesh.join(den.mesh.invite({ role: 'edge' }).code)
    const joined = await other.mesh.join(den.mesh.invite({ role: 'admin' }).code, { name: 'den' })
    assert.equal(joined.name, 'den-2')
    assert.deepEqual(rolesOf(den), { den: 'admin', pi: 'edge', 'den-2': 'admin' })
    assert.equal(other.name, 'den-2')
    // Two admins are enough, and the second may invite, but not make admins.
    assert.deepEqual(den.mesh.info().advice, [])
    assert.ok(other.mesh.invite().code)
    assert.throws(() => other.mesh.invite({ role: 'admin' }), { code: 'NOT_ADMIN' })
    assert.throws(() => one.mesh.invite(), { code: 'NOT_ADMIN' })
  })
})

describe('a code', () => {
  it('that two devices use at once gives one certificate, and tells the other so', async () => {
    await using den = await startNode('den')
    await using one = await startNode('one')
    await using other = await startNode('other')
    const { code } = den.mesh.invite()
    const ends = await outcomes(one.mesh.join(code), other.mesh.join(code))
    assert.deepEqual(ends.sort(), ['INVITE_USED', 'joined'])
    assert.equal(den.mesh.members().length, 2)
    await using third = await startNode('third')
    assert.deepEqual(await outcomes(third.mesh.join(code)), ['INVITE_USED'])
    // Whoever was refused is where it was.
    assert.deepEqual([third.mesh.info().members, third.mesh.info().role], [1, 'admin'])
  })

  it('lets its device in although the connection breaks down late, with the certificate on the way', async () => {
    const late = { monotonicMs: 0 }
    const clock: Clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + late.monotonicMs }
    await using den = await startNode('den')
    await using attic = await startNode('attic', [], { clock })
    const right = parseInviteCode(den.mesh.invite().code)
    await using link = await brittleLink(Number(right.addresses[0]!.split('/').at(-1)))
    den.events.addEventListener('mesh.invite_used', () => {
      late.monotonicMs += HANDSHAKE_TIMEOUT_MS
      link.break()
    })
    const code = formatInviteCode({ ...right, addresses: [link.address] })
    assert.deepEqual(await outcomes(attic.mesh.join(code)), ['joined'])
    // Two by which it asked, and the one by which it is a member.
    assert.equal(link.connections, 3)
    assert.equal(den.mesh.members().length, 2)
    assert.deepEqual(await outcomes(attic.mesh.join(code)), ['DENIED'])
  })

  it('ends after ten minutes, by either clock of the inviter, whatever that of the device says', async () => {
    const late = { wallMs: 0, monotonicMs: 0 }
    const clock: Clock = {
      ...systemClock,
      wallMs: () => systemClock.wallMs() + late.wallMs,
      monotonicMs: () => systemClock.monotonicMs() + late.monotonicMs
    }
    await using den = await startNode('den', [], { clock })
    const early = { ...systemClock, wallMs: () => systemClock.wallMs() - DAY_MS }
    const ahead = { ...systemClock, wallMs: () => systemClock.wallMs() + DAY_MS }
    await using attic = await startNode('attic', [], { clock: early })
    await using roof = await startNode('roof', [], { clock: ahead })
    const { code } = den.mesh.invite()
    assert.deepEqual(await outcomes(roof.mesh.join(den.mesh.invite().code)), ['joined'])
    late.wallMs = 10 * 60_000 + 1
    assert.deepEqual(await outcomes(attic.mesh.join(code)), ['INVITE_EXPIRED'])
    // Once nothing is out, nobody is listened to; a clock that was set back changes nothing.
    Object.assign(late, { wallMs: 0, monotonicMs: 10 * 60_000 + 1 })
    assert.deepEqual(await outcomes(attic.mesh.join(code)), ['PEER_UNREACHABLE'])
    // Where nobody is listened to, the device's own clock says what the likeliest reason is.
    await using cellar = await startNode('cellar', [], { clock: ahead })
    assert.deepEqual(await outcomes(cellar.mesh.join(code)), ['INVITE_EXPIRED'])
    assert.equal(den.mesh.members().length, 2)
  })

  it('that has joined but cannot connect says so, tries on by itself, and is back without a restart', async () => {
    const occupant = createServer().listen(0, '127.0.0.1')
    await once(occupant, 'listening')
    const taken = `/ip4/127.0.0.1/tcp/${(occupant.address() as AddressInfo).port}`
    const lan = lanNetwork({ host: '127.0.0.1', port: 0, mdns: false, peers: [] })
    let isTaken = false
    const network = {
      ...lan,
      get listen() {
        return isTaken ? [taken] : lan.listen
      }
    }
    try {
      await using den = await startNode('den', [], { settings: { 'mesh.name': 'flat' } })
      await using attic = await startNode('attic', [], { network })
      isTaken = true
      await assert.rejects(attic.mesh.join(den.mesh.invite().code), (err: LumosError) => {
        assert.match(err.message, /belongs to "flat" now, but cannot connect/)
        assert.match(err.hint!, /tries again by itself/)
        return true
      })
      assert.equal(attic.mesh.info().role, 'member')
      isTaken = false
      await Promise.all([meets(den, attic), waitFor(() => attic.peers().length === 1)])
      assert.throws(() => attic.mesh.exportRoot(), { code: 'DENIED' })
    } finally {
      occupant.close()
    }
  })

  it('that gets no answer at any address names a firewall, and does not try for long', async () => {
    await using den = await startNode('den')
    await using other = await startNode('other')
    const lan = lanNetwork({ host: '127.0.0.1', port: 0, mdns: false, peers: [] })
    await using attic = await startNode('attic', [], {
      network: { ...lan, transports: [silentBeyondLoopback] }
    })
    const right = parseInviteCode(den.mesh.invite().code)
    const bare = other.status().addresses[0]!.replace(/\/p2p\/.*/, '')
    const addresses = ['/ip4/10.9.0.1/tcp/5867', bare]
    const beganMs = performance.now()
    await assert.rejects(attic.mesh.join(formatInviteCode({ ...right, addresses })), (err: LumosError) => {
      assert.equal(err.code, 'PEER_UNREACHABLE')
      assert.match(err.message, /does not answer at \/ip4\/10\.9\.0\.1\/tcp\/5867/)
      assert.match(err.hint!, /firewall/)
      return true
    })
    assert.ok(performance.now() - beganMs < 10_000)
  })

  it('with a wrong secret, or for another mesh, lets nobody in, and spends no invitation', async () => {
    await using den = await startNode('den')
    await using attic = await startNode('attic')
    const { code } = den.mesh.invite()
    const right = parseInviteCode(code)
    const guessed = formatInviteCode({ ...right, secret: new Uint8Array(16) })
    await using foreign = await startNode('foreign')
    const elsewhere = formatInviteCode({ ...right, mesh: foreign.status().meshId })
    const own = formatInviteCode({ ...right, mesh: attic.status().meshId })
    assert.deepEqual(await outcomes(attic.mesh.join(guessed)), ['INVITE_INVALID'])
    assert.deepEqual(await outcomes(attic.mesh.join(elsewhere)), ['INVITE_INVALID'])
    assert.deepEqual(await outcomes(attic.mesh.join(own)), ['DENIED'])
    assert.deepEqual(await outcomes(attic.mesh.join(code)), ['joined'])
  })

  it('opens nothing once it is gone: a stranger gets no stream', async () => {
    await using den = await startNode('den')
    await using attic = await startNode('attic')
    const foreign = await startNode('elsewhere')
    const { secret, expiresAtMs } = parseInviteCode(foreign.mesh.invite().code)
    await foreign[Symbol.asyncDispose]()
    const addresses = den.status().addresses.map(address => address.replace(/\/p2p\/.*/, ''))
    const made = { mesh: den.status().meshId, inviter: den.peerId, secret, expiresAtMs, addresses }
    assert.deepEqual(await outcomes(attic.mesh.join(formatInviteCode(made))), ['PEER_UNREACHABLE'])
  })

  it('is not for a device that would leave others behind', async () => {
    await using den = await startNode('den')
    await using attic = await startNode('attic')
    await using cellar = await startNode('cellar', [attic])
    await meets(attic, cellar)
    const { code } = den.mesh.invite()
    assert.deepEqual(await outcomes(attic.mesh.join(code)), ['DENIED'])
    assert.deepEqual(await outcomes(cellar.mesh.join(code)), ['DENIED'])
  })
})

describe('an inviter that fails', () => {
  for (const step of ['burnInvite', 'storeMember'] as const) {
    for (const when of ['before', 'after'] as const) {
      it(`${when} ${step} leaves no half member, and another code puts it right`, async () => {
        await using den = await startNode('den')
        await using attic = await startNode('attic')
        const { code } = den.mesh.invite()
        failOnce(step, when)
        assert.deepEqual(await outcomes(attic.mesh.join(code)), ['INTERNAL'])
        // The device is where it was, whole.
        const { members, role, id } = attic.mesh.info()
        assert.deepEqual([members, role], [1, 'admin'])
        assert.notEqual(id, den.status().meshId)

        assert.equal((await attic.mesh.join(den.mesh.invite().code)).name, 'attic')
        await Promise.all([meets(den, attic), meets(attic, den)])
        assert.equal(den.mesh.members().length, 2)
      })
    }
  }
})

/** The next write of this kind fails as a full disk would, or is done and not reported. */
function failOnce(step: 'burnInvite' | 'storeMember', when: 'before' | 'after'): void {
  const original = MeshStore.prototype[step] as (...args: unknown[]) => boolean
  const patched = function (this: MeshStore, ...args: unknown[]): boolean {
    MeshStore.prototype[step] = original as never
    if (when === 'after') original.apply(this, args)
    throw new Error('The disk is gone.')
  }
  MeshStore.prototype[step] = patched as never
}

const sawMesh = (node: LumosNode, devices: number): Promise<void> =>
  until(
    node,
    'mesh.seen',
    () => node.mesh.nearby().reduce((sum, seen) => sum + seen.devices.length, 0) === devices
  )
