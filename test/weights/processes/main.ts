/** `npm run pulls`: pulls between processes that are killed at many points, and pulls from two holders behind slow links. */

import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LEAF_BYTES } from '../../../interface/limits.ts'
import { numberOf, runTool } from '../../../sim/tool.ts'
import { DeviceProcess } from './devices.ts'
import { killPull } from './kill-pull.ts'
import { slowLink } from './slow-link.ts'

const LEAVES = 24
const SEEDERS = [1, 2] as const
const PULLERS = [6, 7] as const
/** Pull at once; the first one lies to the others. */
const TOGETHER = [8, 9, 10] as const
/** Begin at once, over one link. */
const AT_ONCE = [11, 12, 13] as const
/** Of the model, by its seeder: what others have is looked at each half second, and the first leaves are asked for before. */
const SENT_MAX = 2
const LINK_BYTES_PER_SECOND = 4 * 1024 * 1024
/** Of two holders, against one. */
const FACTOR_MIN = 1.8
const USAGE = `Usage: npm run pulls -- [--points N]

Pulls ${LEAVES} MiB from another process, kills the puller with so many leaves there, pulls again, and fails where a leaf that
was there comes again, or anything but the model is left. Then three processes pull at once, each also from the others: one sends
wrong bytes, and their seeder is killed at half and comes back. Three more begin together over one link, and it fails where their seeder
sends more than ${SENT_MAX} times the model. Then pulls over links of ${LINK_BYTES_PER_SECOND / 1024 / 1024} MiB/s, from one
holder and from two, and fails where two are not ${FACTOR_MIN} times as fast.
  --points  how many kills, spread evenly; default ${LEAVES - 1}
`

const folder = mkdtempSync(join(tmpdir(), 'lumos-pulls-'))
const directoryOf = (name: string | number): string => join(folder, String(name), 'weights')

await runTool({
  usage: USAGE,
  options: { points: { type: 'string', default: String(LEAVES - 1) } },
  async run({ values }) {
    const points = numberOf('points', values.points, { min: 1, max: LEAVES - 1 })
    try {
      const seeders = await Promise.all(
        SEEDERS.map(number => DeviceProcess.start({ number, directory: directoryOf(number), leaves: LEAVES }))
      )
      try {
        const kept = await killed(seeders[0]!, points)
        const shared = await together(seeders)
        const once = await atOnce(seeders[0]!)
        return (await twoOverSlowLinks(seeders)) && once && shared && kept
      } finally {
        await Promise.all(seeders.map(seeder => seeder.kill()))
      }
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
})

async function killed(seeder: DeviceProcess, points: number): Promise<boolean> {
  const cid = seeder.introduction.cid!
  let left = 0
  for (let n = 1; n <= points; n++) {
    const dieAt = Math.round((n * (LEAVES - 1)) / points)
    const directory = directoryOf(`killed-${n}`)
    const { anew } = await killPull({ directory, seeder, cid, bytes: LEAVES * LEAF_BYTES, dieAt })
    left += readdirSync(join(directory, 'partial')).length
    console.log(`killed with ${dieAt} of ${LEAVES} leaves there: then ${anew / LEAF_BYTES} came`)
    rmSync(join(directory, '..'), { recursive: true })
  }
  if (left > 0) console.error(`FAILED: ${left} files were left over.`)
  return left === 0
}

async function together(seeders: DeviceProcess[]): Promise<boolean> {
  const cid = seeders[0]!.introduction.cid!
  const pullers = await Promise.all(
    TOGETHER.map((number, n) =>
      DeviceProcess.start({ number, directory: directoryOf(number), lies: n === 0 })
    )
  )
  try {
    await using link = await slowLink(seeders[0]!.introduction, LINK_BYTES_PER_SECOND)
    for (const puller of pullers) {
      puller.meet(link)
      puller.tell(...pullers.filter(other => other !== puller))
    }
    const [first, ...others] = pullers as [DeviceProcess, ...DeviceProcess[]]
    const half = first.until(({ bytesDone }) => bytesDone >= (LEAVES * LEAF_BYTES) / 2)
    const missed = pullers.map(puller => puller.until(({ missing }) => missing.length > 0))
    // It has a half that the others lack, and these begin with nobody else.
    const fetches = [first.fetch(cid)]
    await half
    await seeders[0]!.kill()
    fetches.push(...others.map(puller => puller.fetch(cid)))
    await Promise.all(missed)
    seeders[0] = await DeviceProcess.start({
      number: SEEDERS[0],
      directory: directoryOf(SEEDERS[0]),
      leaves: LEAVES
    })
    for (const puller of pullers) puller.meet(seeders[0])
    await Promise.all(fetches)
    const warned = pullers.map(({ warnings }) => warnings.length)
    console.log(
      `three at once, the seeder killed at half: all have it; warnings of a liar: ${warned.join(', ')}`
    )
    const isRight = warned[0] === 0 && warned[1] === 1 && warned[2] === 1
    if (!isRight) console.error('FAILED: each honest one finds the one that lies, and nobody else.')
    return isRight
  } finally {
    await Promise.all(pullers.map(puller => puller.kill()))
  }
}

async function atOnce(seeder: DeviceProcess): Promise<boolean> {
  const pullers = await Promise.all(
    AT_ONCE.map(number => DeviceProcess.start({ number, directory: directoryOf(number) }))
  )
  try {
    await using link = await slowLink(seeder.introduction, LINK_BYTES_PER_SECOND)
    for (const puller of pullers) {
      puller.meet(link)
      puller.tell(...pullers.filter(other => other !== puller))
    }
    await Promise.all(pullers.map(puller => puller.fetch(seeder.introduction.cid!)))
    const times = link.bytes / (LEAVES * LEAF_BYTES)
    console.log(`three from one at once: it has sent ${times.toFixed(2)} times the model`)
    if (times > SENT_MAX) console.error(`FAILED: it sends more than ${SENT_MAX} times the model.`)
    return times <= SENT_MAX
  } finally {
    await Promise.all(pullers.map(puller => puller.kill()))
  }
}

async function twoOverSlowLinks(seeders: readonly DeviceProcess[]): Promise<boolean> {
  const tookMs: number[] = []
  for (const [n, number] of PULLERS.entries()) {
    await using puller = await DeviceProcess.start({ number, directory: directoryOf(number) })
    const links = await Promise.all(
      seeders.slice(0, n + 1).map(({ introduction }) => slowLink(introduction, LINK_BYTES_PER_SECOND))
    )
    puller.meet(...links)
    const sinceMs = performance.now()
    await puller.fetch(seeders[0]!.introduction.cid!)
    tookMs.push(performance.now() - sinceMs)
    for (const link of links) await link[Symbol.asyncDispose]()
  }
  const [oneMs, twoMs] = tookMs as [number, number]
  console.log(`over slow links: ${Math.round(oneMs)} ms from one holder, ${Math.round(twoMs)} ms from two`)
  const isFaster = oneMs / twoMs >= FACTOR_MIN
  if (!isFaster) console.error(`FAILED: two holders are ${(oneMs / twoMs).toFixed(2)} times as fast as one.`)
  return isFaster
}
