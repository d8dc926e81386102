/** What the process does that is killed: two files and a repository. */

import { join } from 'node:path'
import { systemClock } from '../../../interface/clock.ts'
import { LEAF_BYTES } from '../../../interface/limits.ts'
import type { RepositoryFile } from '../../../interface/weights.ts'
import type { Database } from '../../../storage/database/database.ts'
import { DiskWeightStore } from '../../../storage/weights/weight-store.ts'
import { content, ENVELOPE, hex, leafOf } from './content.ts'

export const FILES = { 'model.gguf': content(2 * LEAF_BYTES + 5), 'sub/config.json': content(9, 4) }

export async function fill(home: string, database: Database, say: (line: string) => void): Promise<void> {
  const store = await DiskWeightStore.open({
    ...{ database, directory: join(home, 'weights'), diskMax: null, clock: systemClock, random: Math.random },
    log: { debug() {}, info() {}, warn() {}, error() {} },
    onChange() {}
  })
  const files: RepositoryFile[] = []
  for (const [path, bytes] of Object.entries(FILES)) {
    const partial = await store.partial(hex(bytes), bytes.length)
    for (let leaf = 0; leaf < partial.leaves; leaf++) {
      await partial.write(leaf, leafOf(bytes, leaf))
      say(`leaf ${path} ${leaf}`)
    }
    files.push({ path, ...(await partial.finish({ sha256: hex(bytes) })) })
    say(`file ${path}`)
  }
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
  await store.add({ name: 'org/one', cid: await store.directoryOf(files), bytes, files }, ENVELOPE)
  say('added')
  await store.close()
}
