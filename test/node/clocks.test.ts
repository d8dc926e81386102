import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { type Clock, systemClock } from '../../interface/clock.ts'
import type { LumosNode } from '../../interface/node.ts'
import { CLOCK_INTERVAL_MS } from '../../node/membership/renewal.ts'
import { Calendar } from './calendar.ts'
import { knows, meets, startNode, temporaryHome, until, waitFor } from './mesh-nodes.ts'

const HOUR_MS = 3600 * 1000

/** The same time for durations, and another one on the wall. */
const wrongBy = (ms: number): Clock => ({ ...systemClock, wallMs: () => systemClock.wallMs() + ms })

describe('a device whose clock is wrong', () => {
  it.each([-24, -1, 1, 24])('by %i hours drops no member, and no member drops it', async hours => {
    const settings = { 'engines.echo': true }
    await using founder = await startNode('founder', [], { settings })
    await using other = await startNode('other', [founder], { settings, clock: wrongBy(hours * HOUR_MS) })
    await Promise.all([
      meets(founder, other),
      meets(other, founder),
      knows(founder, other),
      knows(other, founder)
    ])
    const request = { model: 'echo', input: { messages: [{ role: 'user', content: 'what time is it?' }] } }
    expect(await Array.fromAsync(founder.infer(request, { peer: 'other' }))).toHaveLength(5)
    expect(await Array.fromAsync(other.infer(request, { peer: 'founder' }))).toHaveLength(5)
  })

  it('and another one, a day wrong the other way, pair by code, answer each other, and renew', async () => {
    for (const hours of [24, -24]) {
      const ahead = new Calendar(hours * HOUR_MS)
      const behind = new Calendar(-hours * HOUR_MS)
      const settings = { 'engines.echo': true }
      await using den = await startNode('den', [], { settings, clock: ahead })
      await using attic = await startNode('attic', [], { settings, clock: behind })
      assert.equal((await attic.mesh.join(den.mesh.invite().code)).role, 'member')
      await Promise.all([meets(den, attic), meets(attic, den)])
      // Whose manifest came before its connection did is listed a moment later, which no event tells of.
      const offered = (node: LumosNode) => node.models().every(({ providers }) => providers.length === 2)
      await waitFor(() => offered(den) && offered(attic))
      const request = { model: 'echo', input: { messages: [{ role: 'user', content: 'hello' }] } }
      assert.ok((await Array.fromAsync(den.infer(request, { peer: 'attic' }))).length > 1)
      assert.ok((await Array.fromAsync(attic.infer(request, { peer: 'den' }))).length > 1)

      const first = attic.mesh.info().expiresAtMs!
      const firstOfDen = den.mesh.info().expiresAtMs!
      for (const clock of [ahead, behind]) clock.passDays(65)
      await until(attic, 'manifest.updated', () => den.mesh.info().expiresAtMs! > firstOfDen)
      assert.deepEqual([den.mesh.members().length, attic.mesh.members().length], [2, 2])
      // The admin's is fresh by the next day.
      for (const clock of [ahead, behind]) clock.passDays(1)
      await until(den, 'manifest.updated', () => attic.mesh.info().expiresAtMs! > first)
      assert.ok((await Array.fromAsync(attic.infer(request, { peer: 'den' }))).length > 1)
    }
  })

  it('founds a mesh that others with a right one can be members of', async () => {
    await using founder = await startNode('founder', [], { clock: wrongBy(-23 * HOUR_MS) })
    await using other = await startNode('other', [founder])
    await Promise.all([meets(founder, other), meets(other, founder)])
    expect(other.peers().map(({ name }) => name)).toEqual(['founder'])
  })
})

describe('a clock that is years wrong', () => {
  const DAY_MS = 24 * HOUR_MS
  const IN_2099_MS = 73 * 365 * DAY_MS
  const IN_1970_MS = -Date.now() + DAY_MS

  /** Set while its node runs; the node sees it at its next look. */
  class SetClock implements Clock {
    aheadMs: number
    readonly #looks: (() => void)[] = []

    constructor(aheadMs: number) {
      this.aheadMs = aheadMs
    }

    wallMs = (): number => systemClock.wallMs() + this.aheadMs
    monotonicMs = (): number => systemClock.monotonicMs()

    setTimer(task: () => void, delayMs: number) {
      if (delayMs !== CLOCK_INTERVAL_MS) return systemClock.setTimer(task, delayMs)
      this.#looks.push(task)
      return { cancel: () => void this.#looks.splice(this.#looks.indexOf(task), 1) }
    }

    set(aheadMs: number): void {
      this.aheadMs = aheadMs
      for (const look of this.#looks.splice(0)) look()
    }
  }

  const homes: string[] = []
  const newHome = async () => {
    const home = await temporaryHome()
    homes.push(home)
    return home
  }
  afterEach(async () => {
    for (const home of homes.splice(0)) await rm(home, { recursive: true, force: true })
  })

  it.each([
    ['1970', IN_1970_MS],
    ['2099', IN_2099_MS]
  ])('of %s at the first start heals in the running node when it is set', async (_year, aheadMs) => {
    const clock = new SetClock(aheadMs)
    await using den = await startNode('den', [], { clock })
    clock.set(0)
    await waitFor(() => {
      const { role, expiresAtMs } = den.mesh.info()
      return role === 'admin' && Math.abs(expiresAtMs! - Date.now() - 90 * DAY_MS) < HOUR_MS
    })
    await using attic = await startNode('attic')
    assert.equal((await attic.mesh.join(den.mesh.invite().code)).role, 'member')
    await Promise.all([meets(den, attic), meets(attic, den)])
  })

  it.each([
    ['1970', IN_1970_MS],
    ['2099', IN_2099_MS]
  ])('of %s at one start of the only admin locks no member out', async (_year, aheadMs) => {
    const home = await newHome()
    const den = await startNode('den', [], { home })
    await using attic = await startNode('attic', [den])
    await meets(attic, den)
    await den.stop({ drainMs: 0 })
    await (await startNode('den', [], { home, clock: new SetClock(aheadMs) })).stop({ drainMs: 0 })

    await using back = await startNode('den', [attic], { home })
    await Promise.all([meets(back, attic), meets(attic, back)])
    await using shed = await startNode('shed')
    assert.equal((await shed.mesh.join(back.mesh.invite().code)).role, 'member')
  })

  it.each([
    ['1970', IN_1970_MS],
    ['2099', IN_2099_MS]
  ])('of %s on two devices that pair there leaves both members when it is set', async (_year, aheadMs) => {
    const clocks = [new SetClock(aheadMs), new SetClock(aheadMs)] as const
    await using den = await startNode('den', [], { clock: clocks[0] })
    await using attic = await startNode('attic', [], { clock: clocks[1] })
    await attic.mesh.join(den.mesh.invite().code)
    await Promise.all([meets(den, attic), meets(attic, den)])
    for (const clock of clocks) clock.set(0)
    await waitFor(() => [den, attic].every(node => node.mesh.members().length === 2))
    // A third device, which was told nothing then, takes both.
    const ends = () => [den, attic].map(node => node.mesh.info().expiresAtMs ?? 0)
    await waitFor(() => ends().every(end => end > Date.now() && end < Date.now() + 91 * DAY_MS))
    await using shed = await startNode('shed', [den, attic])
    await Promise.all([meets(shed, den), meets(shed, attic), meets(attic, shed)])
  })

  it('of a month ahead on two devices that pair there heals the admin, and the other when it joins again', async () => {
    const clocks = [new SetClock(30 * DAY_MS), new SetClock(30 * DAY_MS)] as const
    await using den = await startNode('den', [], { clock: clocks[0] })
    await using attic = await startNode('attic', [], { clock: clocks[1] })
    await attic.mesh.join(den.mesh.invite().code)
    await Promise.all([meets(den, attic), meets(attic, den)])
    for (const clock of clocks) clock.set(0)
    const daysLeft = (node: LumosNode) => (node.mesh.info().expiresAtMs! - Date.now()) / DAY_MS
    await waitFor(() => daysLeft(den) < 91)
    expect(attic.mesh.info().advice.join()).toMatch(/begins on .* lumos-node leave, then lumos-node join/)

    await attic.mesh.leave()
    await attic.mesh.join(den.mesh.invite().code)
    expect(daysLeft(attic)).toBeLessThan(91)
    await using shed = await startNode('shed', [den, attic])
    await Promise.all([meets(shed, attic), meets(attic, shed), meets(den, attic)])
    expect(
      den.mesh
        .members()
        .map(({ name }) => name)
        .sort()
    ).toEqual(['attic', 'den', 'shed'])
  })
})
