/** Devices with little memory, and with a full disk. */

import { statfs, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ASKER, meet, pair, startOn } from '../node.ts'
import { ask, readDigit } from '../questions.ts'
import { type LabScenario, orNotRun } from '../scenario.ts'

const MEBIBYTE = 1024 * 1024
/** What is left to a node on a board with half a gigabyte. */
const MEMORY_BYTES = 200 * MEBIBYTE
const DISK_BYTES = 16 * MEBIBYTE
const QUESTIONS = 20
const MET_MS_MAX = 10_000

export const smallMemory: LabScenario = {
  name: 'small-memory',
  question: 'Does a node with 200 MB for itself and its engines answer, and live?',
  setup: `One switch, two devices; the one that answers is in a control group of ${MEMORY_BYTES / MEBIBYTE} MiB.`,

  async run(lab, findings) {
    const lan = await lab.lan()
    const device = await lan.device('board')
    const limit = await orNotRun(device.limitMemory(MEMORY_BYTES))
    await using board = await startOn(device, 'board')
    await using asker = await startOn(await lan.device('asker'), 'asker', { env: ASKER })
    await pair(asker, board)
    await findings.within('both manifests are held', MET_MS_MAX, () => meet(asker, board))
    let read = 0
    let failure: string | undefined
    for (let i = 0; i < QUESTIONS; i++) {
      await readDigit(asker).then(
        ({ label }) => {
          if (label === '7') read++
        },
        err => {
          failure ??= `${err.code}: ${err.message}`
        }
      )
    }
    findings.check(`all ${QUESTIONS} pictures are read`, read === QUESTIONS, failure ?? `${read}`)
    const killed = await limit.kills()
    findings.check('nothing was killed for want of memory', killed === 0, `${killed} killed`)
    findings.check('the node lives', (await asker.peers()).includes(board.peerId))
    const peakBytes = await limit.peakBytes()
    if (peakBytes !== undefined) findings.figure('peak, page cache included', peakBytes / MEBIBYTE, 'MiB')
  }
}

export const fullDisk: LabScenario = {
  name: 'full-disk',
  question: 'Does a node whose disk is full say so, go on answering, and write again once there is room?',
  setup: `One switch, two devices; the home of one is on a disk of ${DISK_BYTES / MEBIBYTE} MiB, which is filled and emptied.`,

  async run(lab, findings) {
    const lan = await lab.lan()
    const device = await lan.device('server')
    const home = await orNotRun(device.disk(DISK_BYTES))
    await using server = await startOn(device, 'server', { home, args: ['--echo'], env: ASKER })
    await using asker = await startOn(await lan.device('asker'), 'asker', { env: ASKER })
    await pair(asker, server)
    await meet(asker, server)
    await asker.client.execute('mesh.invite', { role: 'admin' })
    await ask(asker)

    const filler = join(home, '..', 'filler')
    const full = await fill(join(home, 'filler'))
    findings.check('the disk is full', full, filler)
    const refused = await server.client.execute('mesh.leave').then(
      () => 'it worked',
      err => `${err.code}: ${err.message}`
    )
    findings.check(
      'what must be written is refused with STORE_FULL',
      refused.startsWith('STORE_FULL'),
      refused
    )
    findings.check('it still answers', (await ask(asker)).peer === server.peerId)
    findings.check('it still says how it is', (await server.cli('status', '--json')).code === 0)

    await truncate(join(home, 'filler'), 0)
    const left = await server.client.execute('mesh.leave').then(
      () => undefined,
      err => `${err.code}: ${err.message}`
    )
    findings.check('it writes again once there is room', left === undefined, left)
    findings.check('the node lived through it', (await server.cli('status', '--json')).code === 0)
  }
}

/** Until there is no room for another byte. */
async function fill(path: string): Promise<boolean> {
  const { bavail, bsize } = await statfs(join(path, '..'))
  let bytes = bavail * bsize
  while (bytes >= 1) {
    try {
      await writeFile(path, Buffer.alloc(bytes), { flag: 'a' })
    } catch {
      bytes = Math.floor(bytes / 2)
    }
    const left = await statfs(join(path, '..'))
    if (left.bavail === 0) return true
    bytes = Math.min(bytes, left.bavail * left.bsize)
  }
  return false
}
