import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { Schedule } from '../../sim/faults/fault.ts'
import { runScenario } from '../../sim/run.ts'
import type { Scenario } from '../../sim/scenario.ts'
import { scenarios } from '../../sim/scenario-command.ts'
import { knock } from '../../sim/stranger.ts'
import { exitCodeOf } from '../../sim/tool.ts'

const MAIN = join(import.meta.dirname, '../../sim/main.ts')
const never = new AbortController().signal

const scenario = (run: Scenario['run']): Scenario => ({
  name: 'of-a-test',
  question: 'Does it?',
  nodes: 2,
  run
})

describe('a run', () => {
  it('whose promise does not hold fails, says its seed, and can be repeated from the schedule it wrote', async () => {
    const broken = scenario(async stage => {
      await stage.assemble()
      await stage.inflict({ kind: 'pause', node: 1 })
      await stage.pause(150)
      await stage.inflict({ kind: 'resume', node: 1 })
      stage.must('pigs fly', false)
      return []
    })
    const said: string[] = []
    vi.spyOn(console, 'error').mockImplementation(line => void said.push(line))
    vi.spyOn(console, 'log').mockImplementation(line => void said.push(line))
    expect(await exitCodeOf(scenarios([broken], ''), ['--seed', '5'], never)).toBe(1)
    vi.restoreAllMocks()
    expect(said.join('\n')).toContain('seed 5')
    expect(said.join('\n')).toContain('It does not hold that pigs fly.\nNo.')

    const [, path] = /Repeat it: npm run sim -- of-a-test --replay (\S+)/.exec(said.join('\n'))!
    const schedule = Schedule.parse(JSON.parse(await readFile(path!, 'utf8')))
    expect(schedule.entries.map(({ fault }) => fault.kind)).toEqual(['start', 'start', 'pause', 'resume'])
  })

  it('does in a replay what was done before, not earlier, whatever it would draw now', async () => {
    const pausing = (node: number) =>
      scenario(async stage => {
        await stage.assemble()
        await stage.inflict({ kind: 'pause', node })
        await stage.inflict({ kind: 'resume', node })
        return []
      })
    const { schedule } = await runScenario(pausing(0), { seed: 1 })
    const later = {
      ...schedule,
      entries: schedule.entries.map(entry => ({ ...entry, atMs: entry.atMs + 500 }))
    }
    const again = await runScenario(pausing(1), { seed: 1, replay: later })
    expect(again.failures).toEqual([])
    expect(again.schedule.entries.map(({ fault }) => fault)).toEqual(
      schedule.entries.map(({ fault }) => fault)
    )
    for (const [i, { atMs }] of again.schedule.entries.entries()) {
      expect(atMs).toBeGreaterThanOrEqual(later.entries[i]!.atMs - 1)
    }
  })

  it('is held to every invariant, whatever its question', async () => {
    const careless = scenario(async stage => {
      await stage.assemble()
      const other = stage.node(1).peerId
      // As if the first had said so, and nothing had come of it.
      stage.acknowledged(0, { kind: 'revoked', peerId: other })
      await stage.pause(20)
      return []
    })
    const { passed, failures } = await runScenario(careless, { seed: 1 })
    expect(passed).toBe(false)
    expect(failures.join()).toMatch(/^S1: node-0 lists node-1 as a member/)
  })

  it('sees what a stranger gets at each door of a node: a hello, and nothing else', {
    timeout: 60_000
  }, async () => {
    const { failures, history } = await runScenario(
      scenario(async stage => {
        await stage.assemble()
        await knock(stage, 0)
        return []
      }),
      { seed: 1 }
    )
    expect(failures).toEqual([])
    const got = history.of('received').filter(({ bytes }) => bytes > 0)
    expect(got.map(({ protocol }) => protocol)).toEqual(['/lumos/hello/1'])
    expect(history.of('received').length).toBeGreaterThan(5)
  })

  it('fails when its scenario cannot go on, and says why', async () => {
    const { failures } = await runScenario(
      scenario(async stage => {
        await stage.until('pigs fly', () => false, 50)
        return []
      }),
      { seed: 1 }
    )
    expect(failures).toEqual(['Not within 50 ms: pigs fly.'])
  })

  it('tells what it falls short of, and passes', async () => {
    const { passed, shortfalls } = await runScenario(
      scenario(async stage => {
        stage.aims('pigs fly', false)
        stage.aims('pigs walk', true)
        return []
      }),
      { seed: 1 }
    )
    expect({ passed, shortfalls }).toEqual({ passed: true, shortfalls: ['pigs fly'] })
  })

  it('ends in good order at Ctrl-C', { timeout: 120_000 }, async () => {
    const child = spawn(process.execPath, [MAIN, 'flapping-link', '--seed', '1'])
    let said = ''
    child.stderr.on('data', data => {
      said += data
    })
    while (!said.includes('seed 1')) await once(child.stderr, 'data')
    child.kill('SIGINT')
    const [code] = await once(child, 'exit')
    expect(code).toBe(130)
    expect(said).not.toContain('    at ')
  })
})
