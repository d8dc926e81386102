/** Models that are offered and withdrawn while their node runs: real nodes. */

import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { describe, it } from 'vitest'
import { echoModel } from '../../capabilities/index.ts'
import { systemClock } from '../../interface/clock.ts'
import type { LumosError } from '../../interface/errors.ts'
import type { InferOptions, LumosNode } from '../../interface/node.ts'
import { knows, meets, startNode, temporaryHome, until } from './mesh-nodes.ts'

const ECHO = { settings: { 'engines.echo': true } }
/** A word takes so long that its answer is still under way whenever a test wants. */
const SLOW = { models: [echoModel({ clock: systemClock, wordDelayMs: 50 }, 'slow')] }

const say = (words: number, model = 'echo') => ({
  model,
  input: { messages: [{ role: 'user', content: 'word '.repeat(words) }] }
})

/** What became of a question: the code it failed with, or `answered`. */
const asked = (node: LumosNode, options: InferOptions = {}, model = 'echo') =>
  Array.fromAsync(node.infer(say(1, model), options)).then(
    () => 'answered',
    (err: LumosError) => err.code
  )

const offers = (node: LumosNode, peer: LumosNode) =>
  node.models().some(({ providers }) => providers.some(({ peerId }) => peerId === peer.peerId))

const isWithdrawn = (node: LumosNode, peer: LumosNode) =>
  until(node, 'manifest.updated', () => !offers(node, peer))

describe('a model that is withdrawn', () => {
  it('is refused to peers at once, leaves the manifest, and stays with its owner', async () => {
    await using den = await startNode('den', [], ECHO)
    await using attic = await startNode('attic', [den])
    await Promise.all([meets(attic, den), knows(attic, den)])
    assert.equal(await asked(attic), 'answered')

    assert.deepEqual(den.withdraw('echo'), { model: 'echo', offeredTo: null })
    // The manifest is not there yet: what counts is what its owner says when it is asked.
    assert.equal(await asked(attic, { peer: 'den' }), 'DENIED')
    await isWithdrawn(attic, den)
    assert.equal(await asked(attic), 'NO_PROVIDER')
    assert.equal(await asked(den), 'answered')
    assert.equal(den.models()[0]!.providers[0]!.offeredTo, null)

    assert.deepEqual(den.offer('echo', 'everyone'), { model: 'echo', offeredTo: 'everyone' })
    await knows(attic, den)
    assert.equal(await asked(attic), 'answered')
  })

  it('is so after a restart, until it is offered again', async () => {
    const home = await temporaryHome()
    try {
      await using attic = await startNode('attic')
      const den = await startNode('den', [attic], { ...ECHO, home })
      await Promise.all([meets(attic, den), knows(attic, den)])
      den.withdraw('echo')
      await isWithdrawn(attic, den)
      await den.stop({ drainMs: 0 })

      await using again = await startNode('den', [attic], { ...ECHO, home })
      await Promise.all([meets(attic, again), meets(again, attic)])
      assert.ok(!offers(attic, again))
      assert.equal(again.models()[0]!.providers[0]!.offeredTo, null)
      again.offer('echo', { roles: ['admin'] })
      await knows(attic, again)
      assert.equal(await asked(attic), 'answered')
    } finally {
      await rm(home, { recursive: true, force: true })
    }
  })

  it('ends the answers that are on their way, and those only', async () => {
    await using den = await startNode('den', [], SLOW)
    await using friend = await startNode('friend', [den])
    await using other = await startNode('other', [den])
    await Promise.all([friend, other].map(node => Promise.all([meets(node, den), knows(node, den)])))
    const running = [friend, other].map(node => node.infer(say(40, 'slow'))[Symbol.asyncIterator]())
    await Promise.all(running.map(answer => answer.next()))
    const [kept, cut] = running.map(async answer => {
      let words = 0
      while (!(await answer.next()).done) words++
      return words
    })
    const ended = assert.rejects(cut!, (err: LumosError) => /DENIED|STREAM_INTERRUPTED/.test(err.code))

    assert.deepEqual(den.offer('slow', { peers: ['friend'] }).offeredTo, { peers: [friend.peerId] })
    await ended
    assert.ok((await kept!) >= 39)
    assert.equal(await asked(other, { peer: 'den' }, 'slow'), 'DENIED')
    assert.equal(await asked(friend, { peer: 'den' }, 'slow'), 'answered')
  })
})

describe('an offer', () => {
  it('overrules the settings, and is of models and to members that there are', async () => {
    const settings = { ...ECHO.settings, access: { echo: { roles: ['admin' as const] } } }
    await using den = await startNode('den', [], { settings })
    await using attic = await startNode('attic', [den])
    await Promise.all([meets(attic, den), knows(attic, den)])
    assert.equal(await asked(attic, { peer: 'den' }), 'DENIED')
    den.offer('echo', { roles: ['admin'], peers: ['attic'] })
    assert.equal(await asked(attic, { peer: 'den' }), 'answered')

    assert.throws(() => den.offer('ecco', 'everyone'), { code: 'MODEL_NOT_FOUND', hint: /Closest: echo/ })
    assert.throws(() => den.withdraw('nothing'), { code: 'MODEL_NOT_FOUND' })
    assert.throws(() => den.offer('echo', { peers: ['nobody'] }), { code: 'PEER_NOT_FOUND' })
    // What is not this node's own is not its to offer.
    assert.throws(() => attic.offer('echo', 'everyone'), { code: 'MODEL_NOT_FOUND' })
  })

  it('to the members of one mesh is not one to those of another; what was withdrawn stays so', async () => {
    const models = ['open', 'shut'].map(id => echoModel({ clock: systemClock }, id))
    const settings = { access: { open: {}, shut: {} } }
    await using den = await startNode('den')
    await using attic = await startNode('attic', [], { models, settings })
    attic.offer('open', 'everyone')
    attic.withdraw('shut')
    await attic.mesh.join(den.mesh.invite().code)
    const to = Object.fromEntries(
      attic.models().map(({ model, providers }) => [model, providers[0]!.offeredTo])
    )
    assert.deepEqual(to, { open: {}, shut: null })
  })
})
