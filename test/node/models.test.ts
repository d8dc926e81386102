/** Models that come and go while their node runs, as a peer sees it: real nodes, real folders. */

import assert from 'node:assert/strict'
import { cp, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, it } from 'vitest'
import { echoModel } from '../../capabilities/index.ts'
import { systemClock } from '../../interface/clock.ts'
import type { LumosError } from '../../interface/errors.ts'
import type { LumosNode } from '../../interface/node.ts'
import { knows, meets, startNode, temporaryHome, until, waitFor } from './mesh-nodes.ts'

const MODELS = fileURLToPath(new URL('../../models', import.meta.url))
const DIGITS = join(MODELS, 'digits-cnn')
/** A folder is copied, seen twice and announced; on a busy machine that takes seconds. */
const PATIENCE_MS = 60_000

const tensors = {
  image: { type: 'float32', dims: [1, 1, 8, 8], data: new Uint8Array(4 * 8 * 8) }
}

const offers = (node: LumosNode, model: string) => node.models().some(info => info.model === model)

describe('models that ship with the node', () => {
  it('are in no manifest, and their own node has them only where no device offers their names', async () => {
    const providers = (node: LumosNode, model: string) =>
      node.models().flatMap(info => (info.model === model ? info.providers : []))
    await using den = await startNode('den', [], {
      settings: { 'engines.echo': true, 'models.builtin': true }
    })
    const [own] = providers(den, 'digits-cnn')
    assert.deepEqual([own?.peerId, own?.offeredTo], [den.peerId, null])
    assert.throws(() => den.offer('digits-cnn', 'everyone'), { code: 'INVALID_INPUT' })

    await using attic = await startNode('attic', [den], { settings: { 'models.directories': [MODELS] } })
    await Promise.all([meets(attic, den), knows(attic, den), meets(den, attic), knows(den, attic)])
    assert.deepEqual(
      new Set(providers(attic, 'digits-cnn').map(({ peerId }) => peerId)),
      new Set([attic.peerId])
    )
    assert.deepEqual(
      new Set(providers(den, 'digits-cnn').map(({ peerId }) => peerId)),
      new Set([attic.peerId])
    )
  })
})

describe('models of a running node', () => {
  it(
    'are seen and asked by a peer once they are put into a folder, and not after they are removed',
    async () => {
      const home = await temporaryHome()
      await mkdir(join(home, 'models'))
      try {
        await using den = await startNode('den', [], { home, settings: { 'engines.echo': true } })
        await using attic = await startNode('attic', [den])
        await Promise.all([meets(attic, den), knows(attic, den)])
        assert.ok(!offers(attic, 'digits-cnn'))

        await cp(DIGITS, join(home, 'models/digits'), { recursive: true })
        await until(attic, 'manifest.updated', () => offers(attic, 'digits-cnn'))
        const [there, here] = [attic, den].map(node => {
          const { format, sizeBytes } = node.models().find(({ model }) => model === 'digits-cnn')!
          return { format, sizeBytes }
        })
        assert.deepEqual(there, here)
        assert.ok(there!.format === 'onnx' && there!.sizeBytes! > 10_000)
        const request = { model: 'digits-cnn', task: 'tensor' as const, input: { tensors } }
        const chunks = await Array.fromAsync(attic.infer(request))
        assert.equal(chunks.at(-1)?.type, 'done')

        await rm(join(home, 'models/digits'), { recursive: true })
        await until(attic, 'manifest.updated', () => !offers(attic, 'digits-cnn'))
        const refused = (err: LumosError) => /^(NO_PROVIDER|MODEL_NOT_FOUND)$/.test(err.code)
        await assert.rejects(Array.fromAsync(attic.infer(request)), refused)
        assert.throws(() => den.offer('digits-cnn', 'everyone'), { code: 'MODEL_NOT_FOUND' })
        assert.ok(offers(attic, 'echo'))
      } finally {
        await rm(home, { recursive: true, force: true })
      }
    },
    PATIENCE_MS
  )

  it(
    'that are broken, missing or called like another do not keep it from starting, and say why',
    async () => {
      const home = await temporaryHome()
      const nowhere = join(home, 'nowhere')
      await mkdir(join(home, 'models/broken'), { recursive: true })
      await writeFile(join(home, 'models/broken/model_info.json'), '{')
      try {
        await using den = await startNode('den', [], {
          home,
          settings: { 'engines.echo': true, 'models.directories': [nowhere] },
          models: [echoModel({ clock: systemClock }), echoModel({ clock: systemClock }, 'other')]
        })
        assert.deepEqual([...new Set(den.models().map(({ model }) => model))], ['echo', 'other'])
        const said = den.leftOut().map(({ place, model, code }) => [place, model, code])
        assert.deepEqual(said, [
          ['options.models[0]', 'echo', 'MODEL_INVALID'],
          [join(home, 'models/broken'), null, 'MODEL_INVALID'],
          [nowhere, null, 'MODEL_INVALID']
        ])
        await rm(join(home, 'models/broken'), { recursive: true })
        await waitFor(() => den.leftOut().length === 2)
      } finally {
        await rm(home, { recursive: true, force: true })
      }
    },
    PATIENCE_MS
  )
})
