/** What a device of the mesh states of a repository, against what is here, before anything is reckoned or fetched for it. */

import { InvalidInputError, LumosError } from '../../../interface/errors.ts'
import type { Repository, RepositoryFile } from '../../../interface/weights.ts'
import type { WeightStore } from '../../../storage/weights/types.ts'

/**
 * @throws {InvalidInputError} where something else has its name here: another device does not say what a name means here.
 * @throws {LumosError} `WEIGHTS_INVALID` where one file is said to be two, `WEIGHTS_FULL`.
 */
export async function checkIncoming(
  { name, cid, files }: Repository,
  store: Pick<WeightStore, 'called' | 'file' | 'checkRoom'>
): Promise<void> {
  const here = store.called(name)
  if (here !== undefined && (here.cid !== cid || here.name !== name)) {
    throw new InvalidInputError(`Other weights are called ${here.name} on this device: ${here.cid}.`, {
      hint: `To have ${cid} in their place, remove them first: lumos-node models rm ${here.name}`
    })
  }
  const known = new Map<string, Pick<RepositoryFile, 'bytes' | 'cid'>>()
  let bytes = 0
  for (const file of files) {
    const stored = store.file(file.sha256)
    const same = known.get(file.sha256) ?? stored
    if (same !== undefined && (same.cid !== file.cid || same.bytes !== file.bytes))
      throw new LumosError('WEIGHTS_INVALID', `${name} states that ${file.path} is two files.`)
    if (same === undefined) bytes += file.bytes
    known.set(file.sha256, file)
  }
  // Its DAG is reckoned from these sizes, so a lie about them ends here.
  await store.checkRoom(bytes, [...known.keys()])
}

/**
 * What comes of `work`, unless the CID is not that of the files: a large directory takes time to check, in which the first
 * leaves come.
 */
export async function whileChecked<T>(
  { cid, files }: Repository,
  store: Pick<WeightStore, 'directoryOf'>,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>
): Promise<T> {
  const wrong = new AbortController()
  const either = AbortSignal.any([wrong.signal, ...(signal === undefined ? [] : [signal])])
  const check = async (): Promise<void> => {
    if ((await store.directoryOf(files, { signal: either })) !== cid)
      throw new LumosError('WEIGHTS_INVALID', `The files that a manifest states are not those of ${cid}.`)
  }
  const checked = check().catch(err => wrong.abort(err))
  try {
    return await work(either)
  } finally {
    await checked
  }
}
