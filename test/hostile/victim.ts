/**
 * A node in a process of its own, so that what is measured is the node alone:
 * it answers over IPC with its figures, and tells each code that it logged.
 */

import { setFlagsFromString } from 'node:v8'
import { echoModel } from '../../capabilities/index.ts'
import { systemClock } from '../../interface/clock.ts'
import type { Role } from '../../interface/membership.ts'
import { useSmallSlabs } from '../../node/buffer-slabs.ts'
import type { NodeLogger } from '../../node/log/log.ts'
import { createDrivenNode } from '../../sim/driven-node.ts'
import { ALONE, temporaryHome } from '../node/mesh-nodes.ts'
import { liveMiB, openFiles, residentMiB, watchLoop } from './measures.ts'

const PEAK_INTERVAL_MS = 50

export type Question =
  | { readonly ask: 'admit'; readonly subject: string; readonly name: string; readonly role: Role }
  | { readonly ask: 'invite' }
  | { readonly ask: 'root' }
  | { readonly ask: 'revoke'; readonly subject: string }
  | { readonly ask: 'figures' }

export interface Figures {
  readonly residentMiB: number
  /** The most since the last time, with whatever was not collected yet. */
  readonly peakResidentMiB: number
  readonly liveMiB: number
  readonly openFiles: number
  readonly peers: string[]
  /** Their names. */
  readonly members: string[]
  /** How often each was logged since the last time, with whom it is about. */
  readonly codes: Record<string, number>
  /** How many of each peer came since the last time. */
  readonly manifests: Record<string, number>
  readonly loopP99Ms: number
  readonly loopMaxMs: number
}

// V8 would double its young generation again and again, which says nothing of what a stranger can make us keep.
setFlagsFromString('--semi-space-growth-factor=1')
useSmallSlabs()

let codes: Record<string, number> = {}
const note = (fields: { code?: string; peerId?: string }) => {
  if (fields.code === undefined) return
  const key = `${fields.code} ${fields.peerId ?? ''}`.trim()
  codes[key] = (codes[key] ?? 0) + 1
}
const log: NodeLogger = {
  debug() {},
  info: note,
  warn: note,
  error: note,
  child: () => log,
  isLevelEnabled: () => false
}

process.on('uncaughtException', err => {
  process.send?.({ uncaught: String(err.stack) })
  process.exit(1)
})

const node = await createDrivenNode({
  home: await temporaryHome(),
  log,
  // One that nobody abuses, with slots of its own.
  models: [echoModel({ clock: systemClock }, 'spare')],
  settings: { ...ALONE, name: 'victim', 'engines.echo': true, 'gateway.port': 0 }
})
let manifests: Record<string, number> = {}
node.events.addEventListener('manifest.updated', ({ detail: { peerId } }) => {
  manifests[peerId] = (manifests[peerId] ?? 0) + 1
})
await node.start()
let loop = watchLoop()
let peakBytes = 0
setInterval(() => {
  peakBytes = Math.max(peakBytes, process.memoryUsage.rss())
}, PEAK_INTERVAL_MS)

async function answer(question: Question): Promise<unknown> {
  switch (question.ask) {
    case 'admit':
      return await node.admit({ subject: question.subject, name: question.name, role: question.role })
    case 'invite':
      return node.mesh.invite().code
    case 'root':
      return node.mesh.exportRoot()
    case 'revoke':
      return await node.mesh.revoke(question.subject)
    case 'figures': {
      const { p99Ms, maxMs } = loop()
      const peakResidentMiB = peakBytes / 1024 / 1024
      const figures: Figures = {
        residentMiB: await residentMiB(),
        peakResidentMiB,
        liveMiB: await liveMiB(),
        openFiles: openFiles(),
        peers: node.peers().map(({ name }) => name),
        members: node.mesh.members().map(({ name }) => name),
        codes,
        manifests,
        loopP99Ms: p99Ms,
        loopMaxMs: maxMs
      }
      codes = {}
      manifests = {}
      peakBytes = 0
      loop = watchLoop()
      return figures
    }
  }
}

process.on('message', async ({ number, question }: { number: number; question: Question }) => {
  process.send?.({ number, answer: await answer(question) })
})
process.on('disconnect', () => process.exit(0))
process.send?.({ status: node.status() })
