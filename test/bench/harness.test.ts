import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { takeTurns } from '../../bench/harness.ts'
import { BenchResult } from '../../bench/results.ts'

const MAIN = join(import.meta.dirname, '../../bench/main.ts')
const TIMEOUT_MS = 120_000

async function bench(...args: string[]) {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit')
  ])
  return { code, stdout, stderr }
}

describe('the benches', () => {
  const OTHERS = ['grpc-js', 'grpc-js, mutual TLS', 'undici HTTP', 'bare TLS']
  it('measure calls between two processes beside what a user would take instead', {
    timeout: TIMEOUT_MS
  }, async () => {
    const { code, stdout, stderr } = await bench('rpc', '--quick', '--json', '-')
    expect(stderr).not.toContain('FAILED')
    expect(code).toBe(0)
    const { tables, machine, commit } = BenchResult.parse(JSON.parse(stdout))
    expect(tables).toHaveLength(3)
    for (const { rows } of tables) {
      expect(rows.map(({ name }) => name)).toEqual(['lumos', ...OTHERS])
      expect(rows[0]!.ratios!.map(({ against }) => against)).toEqual(OTHERS)
      for (const { value, cpuUs } of rows) expect(Math.min(value, ...cpuUs!)).toBeGreaterThan(0)
    }
    expect(machine.node).toBe(process.version)
    expect(commit).not.toBe('')
  })

  it('measure a call with and without enforcement on one path', { timeout: TIMEOUT_MS }, async () => {
    const dir = await mkdtemp(join(tmpdir(), 'lumos-bench-test-'))
    const file = join(dir, 'guard.json')
    const { code, stdout } = await bench('guard', '--quick', '--json', file)
    const { tables } = BenchResult.parse(JSON.parse(await readFile(file, 'utf8')))
    await rm(dir, { recursive: true })
    expect(code).toBe(0)
    // A quick run on a busy machine may be above the limit; either way the table says which limit holds.
    expect(stdout).toMatch(/× without enforcement \((at most|above its limit of) 1\.05\)/)
    expect(tables.flatMap(({ rows }) => rows.flatMap(({ ratios = [] }) => ratios))).toContainEqual(
      expect.objectContaining({ against: 'without enforcement', atMost: 1.05 })
    )
  })

  // `bulk` and `infer` take half a minute of a processor; their parts are those of `rpc` and `guard`.
  it.each(['codec', 'cores', 'route'])('measure %s, too', { timeout: TIMEOUT_MS }, async name => {
    const { code, stdout } = await bench(name, '--quick', '--json', '-')
    expect(code).toBe(0)
    const { bench: named, tables } = BenchResult.parse(JSON.parse(stdout))
    expect(named).toBe(name)
    for (const { rows } of tables) expect(rows[0]!.value).toBeGreaterThan(0)
  })

  it.each([[[]], [['no-such-bench']], [['rpc', '--fast']], [['rpc', '--quick', '--publish']]])(
    'say how they are used when asked for %j',
    async args => {
      const { code, stderr } = await bench(...args)
      expect(code).toBe(2)
      expect(stderr).toContain('Usage: npm run bench')
    }
  )

  it('begin each round with another variant', async () => {
    const order: string[] = []
    const variants = ['a', 'b', 'c'].map(name => ({
      name,
      async round() {
        order.push(name)
        return { amount: 1, ms: 1 }
      }
    }))
    const measured = await takeTurns(variants, { rounds: 3, quick: false })
    expect(new Set(order.filter((_, turn) => turn % 3 === 0))).toEqual(new Set(['a', 'b', 'c']))
    for (const { rates } of measured.values()) expect(rates).toEqual([1000, 1000, 1000])
  })
})
