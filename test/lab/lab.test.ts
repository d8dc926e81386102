/** The lab itself: what it promises to do to devices is done, and nothing of it stays. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, statfs, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, it } from 'vitest'
import { Lab } from '../../lab/lab.ts'
import { NotRun, outcomeOf } from '../../lab/scenario.ts'
import { run } from '../../lab/system.ts'
import { PRESETS } from '../../sim/network/presets.ts'
import { describeOnLan } from '../lan/lan.ts'
import { carried, echoes } from './echoes.ts'

const MEBIBYTE = 1024 * 1024
const MAIN = fileURLToPath(new URL('../../lab/main.ts', import.meta.url))

describeOnLan('a device of the lab', () => {
  it('sends nothing into a blackhole, and is heard again after it', async () => {
    await using lab = await Lab.create()
    const lan = await lab.lan()
    const [near, far] = [await lan.device('near'), await lan.device('far')]
    await far.blackhole(near)
    assert.equal((await echoes(near, far)).received, 0)
    await far.unblackhole(near)
    carried(await echoes(near, far))
  })

  it('has its process killed that wants more memory than it has', async ({ skip }) => {
    await using lab = await Lab.create()
    const device = await (await lab.lan()).device('board')
    const limit = await device.limitMemory(64 * MEBIBYTE).catch(err => err as Error)
    if (limit instanceof Error) {
      console.warn(`Not run: "a memory limit" needs what this machine lacks: ${limit.message}`)
      return skip(limit.message)
    }
    const greedy = `Buffer.alloc(${128 * MEBIBYTE}, 1)`
    const [command, ...args] = [...device.through, process.execPath, '-e', greedy]
    await assert.rejects(run(command!, args), { signal: 'SIGKILL' })
    assert.ok((await limit.kills()) > 0)
  })

  it('has a disk that is full while the machine has room', async () => {
    await using lab = await Lab.create()
    const device = await (await lab.lan()).device('board')
    const disk = await device.disk(MEBIBYTE)
    const file = join(disk, 'file')
    await writeFile(file, Buffer.alloc(MEBIBYTE / 2))
    await assert.rejects(writeFile(file, Buffer.alloc(MEBIBYTE), { flag: 'a' }), { code: 'ENOSPC' })
    const { blocks, bsize } = await statfs(disk)
    assert.equal(blocks * bsize, MEBIBYTE)
  })
})

describeOnLan('a router of the lab', () => {
  it('carries between LANs, until it is cut', async () => {
    await using lab = await Lab.create()
    const [one, other] = [await lab.lan(), await lab.lan()]
    const router = await lab.router(one, other)
    const [near, far] = [await one.device('near'), await other.device('far')]
    carried(await echoes(near, far))
    await router.cut(other)
    assert.equal((await echoes(near, far)).received, 0)
    await router.mend(other)
    carried(await echoes(near, far))
  })

  it('hides a LAN: devices in it reach others and are reached by nobody', async ({ skip }) => {
    await using lab = await Lab.create()
    const [home, internet] = [await lab.lan(), await lab.lan()]
    const router = await lab.router(home, internet)
    const [near, far] = [await home.device('near'), await internet.device('far')]
    const hidden = await router.hide(home).catch(err => err as Error)
    if (hidden instanceof Error) {
      console.warn(`Not run: "a hidden LAN" needs what this machine lacks: ${hidden.message}`)
      return skip(hidden.message)
    }
    const answers = await echoes(near, far)
    carried(answers)
    assert.equal(answers.seenAs, `${internet.network}.254`)
    assert.equal((await echoes(far, near)).received, 0)
  })
})

describeOnLan('a lab that ends', () => {
  it('leaves nothing behind', async () => {
    {
      await using lab = await Lab.create()
      const device = await (await lab.lan()).device('board')
      await device.disk(MEBIBYTE)
      await device.link(PRESETS.lan).catch(() => {})
      await device.limitMemory(64 * MEBIBYTE).catch(() => {})
    }
    assert.deepEqual(await traces(process.pid, 'without homes'), [])
  })

  it('and was killed is removed by the next one', async () => {
    const begin = `
      import { Lab } from ${JSON.stringify(fileURLToPath(new URL('../../lab/lab.ts', import.meta.url)))}
      const lab = await Lab.create()
      const device = await (await lab.lan()).device('board')
      await device.disk(${MEBIBYTE})
      console.log('built')
      setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', begin], {
      stdio: ['ignore', 'pipe', 'inherit']
    })
    await once(createInterface(child.stdout), 'line')
    assert.notDeepEqual(await traces(child.pid!), [])
    child.kill('SIGKILL')
    await once(child, 'exit')

    await using _ = await Lab.create()
    assert.deepEqual(await traces(child.pid!), [])
  })

  it('with Ctrl-C leaves nothing behind either, and says so by its exit code', async () => {
    const child = spawn(process.execPath, [MAIN, 'matrix', '--rung', 'cable-ipv6'], {
      stdio: ['ignore', 'ignore', 'pipe']
    })
    const lines = createInterface(child.stderr)
    // Devices and nodes are up once the first finding is told.
    for await (const line of lines) if (line.startsWith('  ')) break
    child.kill('SIGINT')
    const [code] = await once(child, 'exit')
    assert.equal(code, 130)
    assert.deepEqual(await traces(child.pid!), [])
  })
})

describeOnLan('an outcome', () => {
  const about = { name: 'any', question: '?', setup: '' }
  const outcome = async (run: Parameters<typeof outcomeOf>[0]['run']) =>
    outcomeOf({ ...about, run }, [], () => {})

  it('is no when a promise does not hold, was not kept in time, or the run broke off', async () => {
    const broken = await outcome(async (_lab, findings) => findings.check('two is one', false))
    const late = await outcome((_lab, findings) => findings.within('soon', 5, () => new Promise(() => {})))
    const failed = await outcome(async () => {
      throw new Error('out of luck')
    })
    assert.deepEqual(
      [broken, late, failed].map(one => one.outcome),
      ['failed', 'failed', 'failed']
    )
    assert.equal(failed.reason, 'out of luck')
  })

  it('is "not run", with the reason, when the machine lacks something', async () => {
    const { outcome: what, reason } = await outcome(async () => {
      throw new NotRun('no such qdisc')
    })
    assert.deepEqual([what, reason], ['not run', 'no such qdisc'])
  })
})

describe('npm run lab', () => {
  const lab = async (...args: string[]) =>
    run(process.execPath, [MAIN, ...args]).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      ({ code, stdout, stderr }) => ({ code, stdout, stderr })
    )

  it('lists every scenario with its question and what is built', async () => {
    const { stdout } = await lab('list', '--json')
    const { items } = JSON.parse(stdout)
    assert.ok(items.length > 10)
    for (const { name, question, setup } of items) assert.ok(name && question.endsWith('?') && setup)
    const ladder = items.find(({ name }: { name: string }) => name === 'link-ladder')
    assert.ok(ladder.rungs.length >= 6)
  })

  it.each([
    [['no-such-scenario'], 'list'],
    [['link-ladder', '--rung', 'no-such-rung'], 'barely-usable'],
    [['--no-such-option'], 'no-such-option'],
    [[], 'Usage']
  ])('%j is a mistake, and what is right is said', async (args, hint) => {
    const { code, stderr } = await lab(...args)
    assert.equal(code, 2)
    assert.ok(stderr.includes(hint), stderr)
  })
})

/** What the lab of that process has on this machine now. */
async function traces(pid: number, homes: 'with homes' | 'without homes' = 'with homes'): Promise<string[]> {
  const name = `lumos-lab-${pid}-`
  const namespaces = (await run('ip', ['netns', 'list'])).stdout.split('\n')
  const mounts = (await readFile('/proc/mounts', 'utf8')).split('\n')
  const folders = homes === 'with homes' ? await readdir(tmpdir()) : []
  return [...namespaces, ...mounts, ...folders].filter(line => line.includes(name))
}
