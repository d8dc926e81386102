/** A model that devices of the mesh have, by its name or CID. */

import { LumosError, toLumosError } from '../../../interface/errors.ts'
import type { Pulled } from '../../../interface/weights.ts'
import type { StoredRepository } from '../../../storage/weights/types.ts'
import { Deadline } from '../../network/deadline.ts'
import { type Pull, toPulled } from './parts.ts'

/** After a restart the devices of the mesh come back one by one. */
const AGAIN_MS = 2000
/** A device that sleeps overnight is back by then. */
const PATIENCE_MS = 24 * 3600 * 1000
/** Between two checkpoints: less is not worth a write to the disk. */
const STEP_BYTES = 256 * 1024 * 1024

export async function pullFromMesh(ref: string, pull: Pull): Promise<Pulled> {
  const { transfer, store, context } = pull
  const { signal, checkpoint } = context
  const own = store.repository(ref)
  const before = new Set(store.repositories().map(({ name }) => name))
  const progress = pull.progressOf(own?.name ?? ref)
  let step = checkpoint?.step ?? 0
  const fetch = () =>
    transfer.fetch(ref, {
      signal,
      onProgress({ bytesDone, bytesTotal, sources, missing }) {
        progress.expect(bytesTotal)
        progress.replace(sources, missing.length > 0 ? `waits for ${missing.join(', ')}` : '')
        const now = 1 + Math.floor(bytesDone / STEP_BYTES)
        if (now <= step) return
        step = now
        context.save({ revision: null, kept: {}, step })
      }
    })
  const { repository, sources } =
    checkpoint === undefined ? await fetch().catch(hinted(ref)) : await again(fetch, pull)
  return toPulled(await called(repository, before, pull), sources)
}

/** It was found before the node started anew, so a device has it that is not there yet. */
async function again<T>(fetch: () => Promise<T>, { clock, context }: Pull): Promise<T> {
  const { signal } = context
  using patience = new Deadline(clock, PATIENCE_MS, signal)
  for (;;) {
    try {
      return await fetch()
    } catch (thrown) {
      const err = toLumosError(thrown)
      if (err.code !== 'WEIGHTS_NOT_FOUND' || patience.signal.aborted) throw err
    }
    context.progress({ done: 0, total: null, unit: 'bytes', message: 'waits for a device that has it' })
    using pause = new Deadline(clock, AGAIN_MS, patience.signal)
    await new Promise<void>(resolve =>
      pause.signal.addEventListener('abort', () => resolve(), { once: true })
    )
    signal.throwIfAborted()
  }
}

/** Under the name that the person gave it: this device signs that. */
async function called(
  repository: StoredRepository,
  before: ReadonlySet<string>,
  pull: Pull
): Promise<StoredRepository> {
  const { name: given, store, weights, transfer, seal } = pull
  const { name, cid, bytes, files } = repository
  if (given === undefined || given === name) return repository
  const renamed = { name: given, cid, bytes, files: [...files] }
  const stored = await store.add(renamed, await seal(renamed))
  if (!before.has(name)) await weights.remove(name, { force: true })
  transfer.changed()
  return stored
}

/** The error of a job has no hint of its own. */
const hinted = (ref: string) => (thrown: unknown) => {
  const err = toLumosError(thrown)
  if (err.code !== 'WEIGHTS_NOT_FOUND') throw err
  const from = `hf:${ref.includes('/') ? ref : `OWNER/${ref}`}`
  throw new LumosError(err.code, `${err.message} From Hugging Face: lumos-node models pull ${from}`, {
    cause: err
  })
}
