import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import type { SoakRecord } from '../../soak/book.ts'
import { passes } from '../../soak/report.ts'

const MAIN = join(import.meta.dirname, '../../soak/main.ts')
const TIMEOUT_MS = 180_000
/** Two stay, and each is measured every 2 s, or later on a busy machine. */
const SHORT = { hours: 60 / 3600, nodes: 3, seed: 7 }

describe('a soak', () => {
  it('asks, churns, keeps what it saw, and tells it when it is ended early', {
    timeout: TIMEOUT_MS
  }, async () => {
    const dir = await mkdtemp(join(tmpdir(), 'lumos-soak-test-'))
    const file = join(dir, 'soak.json')
    const { hours, nodes, seed } = SHORT
    const args = ['--hours', `${hours}`, '--nodes', `${nodes}`, '--seed', `${seed}`, '--json', file]
    const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    const report = text(child.stdout)
    const exited = once(child, 'exit')
    let kept: SoakRecord | undefined
    for await (const line of createInterface(child.stderr)) {
      if (!line.includes('RSS')) continue
      kept ??= JSON.parse(await readFile(file, 'utf8'))
      // Churn comes every 6 s, and a new device after 10. A second signal would end it at once.
      if (!child.killed && /[1-9]\d* returned, [1-9]\d* joined/.test(line)) child.kill('SIGINT')
    }
    const [code] = await exited
    const record: SoakRecord = JSON.parse(await readFile(file, 'utf8'))
    await rm(dir, { recursive: true })

    expect(kept).toMatchObject({ ended: 'no', seed: 7, nodes: 3 })
    expect(record).toMatchObject({ ended: 'early', failures: [], calls: { lost: 0 } })
    expect(record.calls.made).toBeGreaterThan(20)
    expect(record.calls.streams).toBeGreaterThan(0)
    expect(record.calls.p99Ms).toBeGreaterThan(record.calls.p50Ms)
    expect(record.churn.terminated + record.churn.killed).toBeGreaterThan(0)
    for (const sample of record.samples) {
      expect(sample.rssMB).toBeGreaterThan(sample.heapMB)
      expect(Math.min(sample.descriptors, sample.listeners!)).toBeGreaterThan(0)
    }
    expect(record.samples.at(-1)!.connections).toBeGreaterThan(0)
    expect(await report).toContain('seed 7, ended early')
    expect(code).toBe(passes(record) ? 0 : 1)
  })

  it.each([
    [['--hours', '0']],
    [['--hours', '1', '--nodes', '2']],
    [['--hours', '1', '--seed', '-1']],
    [['--days', '1']]
  ])('says how it is used when it is asked for %j', async args => {
    const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
    const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')])
    expect(code).toBe(2)
    expect(said).toContain('Usage: npm run soak')
  })
})
