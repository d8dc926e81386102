/** Set up in the process of each test file while coverage is collected: what it executes, and what it starts executes. */

import { mkdirSync, writeFileSync } from 'node:fs'
import { Session } from 'node:inspector/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'

const folderOf = (test: string): string =>
  join(process.env.MUTATE_COVERAGE!, encodeURIComponent(test.slice(process.cwd().length + 1)))

const session = new Session()
session.connect()
await session.post('Profiler.enable')
await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
const folder = folderOf(expect.getState().testPath!)
mkdirSync(folder, { recursive: true })
// Node hands it on to each process that this one starts, whatever environment that is given.
process.env.NODE_V8_COVERAGE = folder

beforeAll(() => {
  expect(folder).toBe(folderOf(expect.getState().testPath!))
})
afterAll(async () => {
  const { result } = await session.post('Profiler.takePreciseCoverage')
  writeFileSync(join(folder, 'own.json'), JSON.stringify({ result }))
})
