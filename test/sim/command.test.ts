import { execFile } from 'node:child_process'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../sim/random.ts'
import { SCENARIOS } from '../../sim/scenarios/index.ts'
import { programAt } from '../program.ts'
import { elements, readPage, textOf } from './well-formed.ts'

const SOURCE = join(import.meta.dirname, '../../sim/main.ts')
const run = (main: string, args: readonly string[]) =>
  promisify(execFile)(process.execPath, [main, ...args]).catch(
    err => err as { code: number; stderr: string; stdout: string }
  )
const sim = (...args: string[]) => run(programAt('sim/main.ts'), args)
/** It starts its threads by their source. */
const swarm = (...args: string[]) => run(SOURCE, ['swarm', ...args])

describe('the simulation from the command line', () => {
  it('runs a scenario, writes a report that a person can read, and repeats the run from its schedule', {
    timeout: 120_000
  }, async () => {
    const dir = await mkdtemp(join(tmpdir(), 'lumos-sim-report-'))
    const args = ['first-contact', '--nodes', '4', '--seed', '7', '--json', '--report', dir]
    const { stdout } = await sim(...args)
    const outcome = JSON.parse(stdout)
    expect(outcome).toMatchObject({ scenario: 'first-contact', seed: 7, nodes: 4, passed: true, requests: 4 })

    const page = readPage(await readFile(join(dir, 'report.html'), 'utf8'))
    const text = textOf(page)
    for (const fact of [
      'first-contact',
      'Yes.',
      'everyone known',
      'node-3',
      `--replay ${dir}/schedule.json`
    ]) {
      expect(text).toContain(fact)
    }
    const answered = elements(page, 'circle').filter(({ attributes }) => attributes.class === 'answered')
    expect(answered).toHaveLength(4)

    const schedule = JSON.parse(await readFile(join(dir, 'schedule.json'), 'utf8'))
    expect(schedule.entries.map(({ fault }: { fault: object }) => fault)).toEqual(
      [0, 1, 2, 3].map(node => ({ kind: 'start', node }))
    )
    const again = await sim('first-contact', '--replay', join(dir, 'schedule.json'), '--json')
    expect(JSON.parse(again.stdout)).toMatchObject({ seed: 7, nodes: 4, passed: true })
  })

  it('lists each scenario with its question', async () => {
    const { items } = JSON.parse((await sim('list', '--json')).stdout)
    expect(items.map(({ name }: { name: string }) => name)).toEqual(SCENARIOS.map(({ name }) => name))
    expect(new Set(items.map(({ name }: { name: string }) => name)).size).toBe(items.length)
    const { stdout } = await sim('list')
    for (const { name, question } of SCENARIOS)
      expect(stdout).toMatch(new RegExp(`^${name} .*${question}`, 'm'))
  })

  it('says what there is when it is asked for something else', async () => {
    const failed = await sim('first-contakt')
    expect(failed).toMatchObject({ code: 2 })
    expect(failed.stderr).toContain('Closest: first-contact.')
  })

  it('refuses what makes no sense, and says why', async () => {
    const refuses = async (message: string, ...args: string[]) => {
      const failed = await sim('first-contact', ...args)
      expect(failed).toMatchObject({ code: 2, stdout: '' })
      expect(failed.stderr).toContain(message)
    }
    const broken = join(await mkdtemp(join(tmpdir(), 'lumos-sim-report-')), 'broken.json')
    await writeFile(broken, '{"seed": 1}')
    await Promise.all([
      refuses('--nodes is from 2', '--nodes', '1'),
      refuses('--nodes is from 2', '--nodes', '9999'),
      refuses('--seed is from 0', '--seed', 'luck'),
      refuses('is no schedule', '--replay', broken),
      refuses('cannot be read', '--replay', `${broken}.gone`),
      refuses('Unknown option', '--colour')
    ])
  })

  it('helps who asks for help, and sends away who says nothing', async () => {
    for (const args of [['help'], ['--help'], ['first-contact', '--help'], ['all', '--help']]) {
      expect((await sim(...args)).stdout).toContain('--replay FILE')
    }
    expect(await sim()).toMatchObject({ code: 2 })
  })

  it('runs many random meshes on virtual time, and tells what came of them', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'lumos-sim-report-'))
    const { stdout } = await swarm('--seeds', '4', '--first', '7', '--json', '--report', dir)
    const report = JSON.parse(stdout)
    expect(report).toMatchObject({ seeds: 4, passed: 4 })
    expect(JSON.parse(await readFile(join(dir, 'swarm.json'), 'utf8'))).toEqual(report)
    expect(await readFile(join(dir, 'swarm.txt'), 'utf8')).toContain('4')
    expect(await swarm('--seeds', '0')).toMatchObject({ code: 2, stdout: '' })
  })

  it('lives an hour of many nodes on virtual time, the same hour for the same seed', {
    timeout: 60_000
  }, async () => {
    const day = () => sim('virtual', '--nodes', '30', '--hours', '1', '--seed', '3', '--json')
    const { cpuS: _, wallS: _w, memoryBytes: _m, ...first } = JSON.parse((await day()).stdout)
    expect(first).toMatchObject({ nodes: 30, hours: 1, seed: 3, passed: true })
    expect(first.requests.ok).toBeGreaterThan(500)
    expect(JSON.parse((await day()).stdout)).toMatchObject(first)
    expect(await sim('virtual', '--nodes', '5')).toMatchObject({ code: 2, stdout: '' })
  })

  it('draws the same chance from the same seed', () => {
    const draw = (seed: number) => Array.from({ length: 100 }, seededRandom(seed))
    expect(draw(1)).toEqual(draw(1))
    expect(draw(1)).not.toEqual(draw(2))
    expect(Math.min(...draw(3))).toBeGreaterThanOrEqual(0)
    expect(Math.max(...draw(3))).toBeLessThan(1)
  })
})
