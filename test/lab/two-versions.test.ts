/**
 * The version before runs beside this one, in one mesh, both ways: each lets the other in by a code, each asks the
 * other, each removes the other. Everything is said through the command lines, each version's own.
 */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, symlinkSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, it } from 'vitest'
import { type Finished, MAIN, runCli, spawnCli } from '../../lab/command-line.ts'
import type { Device } from '../../lab/device.ts'
import { Lab } from '../../lab/lab.ts'
import { ASKER } from '../../lab/node.ts'
import { temporaryHome } from '../../lab/system.ts'
import { describeOnLan } from '../lan/lan.ts'

/** The last commit before the wire could grow. */
const BEFORE = '10d6f94'
const ROOT = join(import.meta.dirname, '../..')
/** An answer comes at once, or once both hold the other's manifest. */
const ANSWERED_WITHIN_MS = 60_000

/** Its sources, in a folder of their own with the libraries of today; nothing, where git does not have them. */
async function checkedOut(commit: string): Promise<string | undefined> {
  const folder = join(await temporaryHome(), 'before')
  mkdirSync(folder)
  try {
    const archive = execFileSync('git', ['archive', commit], { cwd: ROOT, maxBuffer: 2 ** 30, stdio: 'pipe' })
    execFileSync('tar', ['-x', '-C', folder], { input: archive })
  } catch {
    return undefined
  }
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  return folder
}

const before = await checkedOut(BEFORE)
const obstacle = before === undefined ? `there is no commit ${BEFORE}` : undefined

type Running = Awaited<ReturnType<typeof started>>

/** A node of one version on a device of its own. */
async function started(device: Device, name: string, main: string) {
  const home = await temporaryHome()
  const how = { home, main, through: device.through, env: ASKER }
  const child = spawnCli(['start', '--json', '--name', name, '--echo'], how)
  const exited = once(child, 'exit')
  await Promise.race([once(createInterface(child.stdout), 'line'), exited])
  assert.equal(child.exitCode, null, `${name} has ended`)
  return {
    name,
    cli: (...args: string[]): Promise<Finished> => runCli(args, how),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await exited
      await rm(home, { recursive: true, force: true })
    }
  }
}

async function done(finished: Promise<Finished>): Promise<string> {
  const { code, stdout, stderr } = await finished
  assert.equal(code, 0, stderr)
  return stdout
}

const ask = (asker: Running, answerer: Running): Promise<Finished> =>
  asker.cli('infer', 'echo', `hello ${answerer.name}`, '--peer', answerer.name, '--timeout', '5')

/** An answer of the other, as soon as it is known there. */
async function answered(asker: Running, answerer: Running): Promise<void> {
  const beganMs = performance.now()
  for (;;) {
    const { code, stdout, stderr } = await ask(asker, answerer)
    if (code === 0 && stdout.includes(`hello ${answerer.name}`)) return
    assert.ok(performance.now() - beganMs < ANSWERED_WITHIN_MS, `${asker.name}: ${stderr}`)
  }
}

describeOnLan('the version before and this one', () => {
  afterAll(async () => {
    if (before !== undefined) await rm(join(before, '..'), { recursive: true, force: true })
  })

  it.for([
    { what: 'this one lets the version before in', first: 'this' },
    { what: 'the version before lets this one in', first: 'before' }
  ])(
    'are one mesh: $what, both ask both, and it removes the other',
    { timeout: 240_000 },
    async ({ first }, { skip }) => {
      skip(obstacle !== undefined, obstacle)
      const mains = [MAIN, join(before!, 'cli/main.ts')]
      if (first === 'before') mains.reverse()
      assert.ok(mains.every(existsSync))

      await using lab = await Lab.create()
      const lan = await lab.lan()
      await using founder = await started(await lan.device('founder'), 'founder', mains[0]!)
      await using joiner = await started(await lan.device('joiner'), 'joiner', mains[1]!)
      const invitation = await done(founder.cli('invite', '--json'))
      await done(joiner.cli('join', JSON.parse(invitation).code))
      await Promise.all([answered(founder, joiner), answered(joiner, founder)])

      await done(founder.cli('revoke', 'joiner', '--yes'))
      assert.notEqual((await ask(joiner, founder)).code, 0)
      assert.notEqual((await ask(founder, joiner)).code, 0)
    }
  )
})
