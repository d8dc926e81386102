/**
 * Links that are worse than a cable: delay, jitter, loss and rate, for true
 * packets, so that TCP and mDNS both meet them.
 *
 * The kernel's netem does it where there is one. Kernels without it get a link
 * in user space: `tbf` for the rate, and `wire.ts`, a program that carries
 * frames between two macvtap devices, for the rest. Which one ran is always
 * told, since figures of one are not figures of the other.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { type LinkModel, PERFECT } from '../sim/network/link-model.ts'
import type { Place } from './place.ts'
import { ip, ownName, removeNamespace, run, temporaryHome } from './system.ts'

export type Emulator = 'netem' | 'user-space (tbf + macvtap)'

interface Applied extends AsyncDisposable {
  readonly emulator: Emulator
}

const FRAME_BYTES = 1514
/** For a link without a limit: more than any of the lab carries. */
const BYTES_PER_SECOND_MAX = 1.25e9
/** A slow timer of the kernel (100 Hz) lets this much through at once. */
const TICKS_PER_SECOND = 100

/**
 * Both directions of that link are like `model` from now on, at first with an empty queue.
 *
 * @throws {Error} that says why there can be no such link here.
 */
export async function worsen(place: Place, model: LinkModel): Promise<Applied> {
  const { emulator, missing } = await findEmulator()
  if (emulator === undefined) throw new Error(missing)
  return emulator === 'netem' ? withNetem(place, model) : inUserSpace(place, model)
}

let found: Promise<{ emulator?: Emulator; missing?: string }> | undefined

/** What makes links worse on this machine, or why nothing can. */
function findEmulator(): Promise<{ emulator?: Emulator; missing?: string }> {
  found ??= probe()
  return found
}

async function probe(): Promise<{ emulator?: Emulator; missing?: string }> {
  const namespace = `${ownName()}-probe`
  const failures: string[] = []
  await ip(`netns add ${namespace}`)
  try {
    const attempts: [Emulator, () => Promise<unknown>][] = [
      ['netem', () => tc(namespace, netem('lo', PERFECT))],
      [
        'user-space (tbf + macvtap)',
        async () => {
          await tc(namespace, tbf('lo', PERFECT))
          await ip(
            `-n ${namespace} link add one type veth peer name other`,
            `-n ${namespace} link add link one name tap type macvtap mode passthru`
          )
        }
      ]
    ]
    for (const [emulator, attempt] of attempts) {
      try {
        await attempt()
        return { emulator }
      } catch (err) {
        failures.push(`${emulator}: ${(err as Error).message.trim().split('\n').at(-1)}`)
      }
    }
    return { missing: `links cannot be made worse: ${failures.join('; ')}` }
  } finally {
    await removeNamespace(namespace)
  }
}

const tc = (namespace: string, args: string): Promise<unknown> =>
  run('tc', ['-n', namespace, ...args.split(' ')])

/** The arguments of `tc` for the rate of `model`, and what waits for it. */
function tbf(link: string, { bytesPerSecond, queueBytes }: LinkModel): string {
  const rate = bytesPerSecond ?? BYTES_PER_SECOND_MAX
  const burstBytes = Math.max(2 * FRAME_BYTES, Math.ceil(rate / TICKS_PER_SECOND))
  return `qdisc replace dev ${link} root tbf rate ${rate * 8}bit burst ${burstBytes} limit ${queueBytes + burstBytes}`
}

/**
 * The arguments of `tc` for all of `model` but its corruption. netem knows one spread for the delay, so the
 * jitter and the distribution's own are added.
 */
export function netem(link: string, model: LinkModel): string {
  const { delay, jitterMs, lossRate, lossBurst, bytesPerSecond, queueBytes } = model
  const rate = bytesPerSecond ?? BYTES_PER_SECOND_MAX
  const underWay = (rate * (delay.ms + jitterMs)) / 1000
  const spread = {
    constant: { ms: jitterMs / 2, name: 'uniform' },
    normal: { ms: jitterMs / 2 + (delay.distribution === 'normal' ? delay.deviationMs : 0), name: 'normal' },
    'heavy-tail': { ms: jitterMs / 2 + delay.ms / 4, name: 'pareto' }
  }[delay.distribution]
  const percent = (share: number): string => `${(share * 100).toFixed(4)}%`
  // Gilbert's two states: into a burst with p, out of it with r.
  const p = lossRate / (lossBurst * (1 - lossRate))
  return [
    `qdisc replace dev ${link} root netem limit ${Math.ceil((queueBytes + underWay) / FRAME_BYTES)}`,
    `delay ${delay.ms + jitterMs / 2}ms ${spread.ms}ms`,
    ...(spread.ms > 0 && spread.name !== 'uniform' ? [`distribution ${spread.name}`] : []),
    ...(lossRate > 0 ? [`loss gemodel ${percent(p)} ${percent(1 / lossBurst)}`] : []),
    `rate ${rate * 8}bit`
  ].join(' ')
}

/** Each end of the cable worsens what leaves through it. */
async function withNetem(place: Place, model: LinkModel): Promise<Applied> {
  await tc(place.namespace, netem(place.link, model))
  await tc(place.fabric, netem(place.port, model))
  return {
    emulator: 'netem',
    async [Symbol.asyncDispose]() {
      await Promise.allSettled([
        tc(place.namespace, `qdisc del dev ${place.link} root`),
        tc(place.fabric, `qdisc del dev ${place.port} root`)
      ])
    }
  }
}

/** Puts the wire between the device's cable and the switch; neither end notices. */
async function inUserSpace(place: Place, model: LinkModel): Promise<Applied> {
  const { fabric, port, bridge } = place
  const [near, far, atSwitch] = [`${port}-n`, `${port}-f`, `${port}-s`]
  await ip(
    `-n ${fabric} link set dev ${port} nomaster`,
    `-n ${fabric} link add ${far} type veth peer name ${atSwitch}`,
    `-n ${fabric} link set dev ${far} up`,
    `-n ${fabric} link set dev ${atSwitch} master ${bridge} up`,
    `-n ${fabric} link add link ${port} name ${near} type macvtap mode passthru`,
    `-n ${fabric} link add link ${far} name ${far}t type macvtap mode passthru`,
    // Else it takes only what is for groups that it has joined itself, and mDNS is for others.
    `-n ${fabric} link set dev ${near} allmulticast on up`,
    `-n ${fabric} link set dev ${far}t allmulticast on up`
  )
  await tc(place.namespace, tbf(place.link, model))
  await tc(fabric, tbf(atSwitch, model))

  const home = await temporaryHome()
  const wire = await startWire(fabric, [near, `${far}t`], home, model).catch(async err => {
    await rm(home, { recursive: true })
    throw err
  })
  return {
    emulator: 'user-space (tbf + macvtap)',
    async [Symbol.asyncDispose]() {
      wire.kill('SIGKILL')
      await rm(home, { recursive: true, force: true })
      // With the lab's end its interfaces are gone already.
      await ip(
        `-n ${fabric} link del dev ${far}`,
        `-n ${fabric} link del dev ${near}`,
        `-n ${fabric} link set dev ${port} master ${bridge}`
      ).catch(() => {})
      await tc(place.namespace, `qdisc del dev ${place.link} root`).catch(() => {})
    }
  }
}

/**
 * The character device of a macvtap. The one under `/dev` has the interface's number in its name, which
 * another namespace may have too.
 */
async function deviceFile(namespace: string, tap: string, folder: string): Promise<string> {
  const inside = ['netns', 'exec', namespace, 'sh', '-c', `cat /sys/class/net/${tap}/macvtap/tap*/dev`]
  const [major, minor] = (await run('ip', inside)).stdout.trim().split(':')
  const file = join(folder, tap)
  await run('mknod', ['-m', '600', file, 'c', major!, minor!]).catch(cause => {
    throw new Error('a link in user space needs device files, which only the real root may make', { cause })
  })
  return file
}

const WIRE = fileURLToPath(new URL('./wire.ts', import.meta.url))

async function startWire(
  namespace: string,
  taps: readonly string[],
  folder: string,
  model: LinkModel
): Promise<ChildProcess> {
  const files = await Promise.all(taps.map(tap => deviceFile(namespace, tap, folder)))
  const command = ['netns', 'exec', namespace, process.execPath, WIRE, ...files, JSON.stringify(model)]
  // Every read of a character device holds a thread until a frame comes.
  const wire = spawn('ip', command, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '', UV_THREADPOOL_SIZE: '8' }
  })
  const ready = once(createInterface(wire.stdout), 'line')
  const ended = once(wire, 'exit').then(() => undefined)
  if ((await Promise.race([ready, ended])) === undefined) {
    throw new Error(`the link in user space does not work: ${await text(wire.stderr)}`)
  }
  return wire
}
