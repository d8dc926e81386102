import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { LogReader } from '../../node/log/log-reader.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'

const line = (msg: string, level = 'info') => `${JSON.stringify({ level, time: 't', peer: 'p', msg })}\n`

function setUp() {
  const dir = mkdtempSync(join(tmpdir(), 'lumos-log-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  const clock = new ManualClock()
  return {
    clock,
    path: join(dir, 'lumos.log'),
    old: join(dir, 'lumos.1.log'),
    log: new LogReader(dir, clock)
  }
}

it('reads the last lines of the log, of the file before it too, and leaves out what is no line', () => {
  const { path, old, log } = setUp()
  expect(log.last(10, 'debug')).toEqual([])
  writeFileSync(old, line('a') + line('b', 'warn'))
  writeFileSync(path, `${line('c')}{"level":"cut\nnull\n${line('d', 'error')}{"half`)
  expect(log.last(10, 'debug').map(({ message }) => message)).toEqual(['a', 'b', 'c', 'd'])
  expect(log.last(2, 'warn')).toMatchObject([
    { message: 'b', level: 'warn' },
    { message: 'd', time: 't', fields: { peer: 'p' } }
  ])
  expect(log.last(0, 'debug')).toEqual([])
})

it('follows the log into its next file, and skips what would be too much to read', async () => {
  const { path, old, log, clock } = setUp()
  writeFileSync(path, line('a'))
  const leaving = new AbortController()
  const lines = log.follow(5, 'debug', { signal: leaving.signal })
  const next = async () => {
    const found = lines.next()
    await new Promise(resolve => setImmediate(resolve))
    clock.advance(500)
    return (await found).value?.message
  }
  expect(await next()).toBe('a')
  appendFileSync(path, `${line('b')}{"half`)
  expect(await next()).toBe('b')
  appendFileSync(path, `":1,"msg":"whole"}\n${line('c')}`)
  expect([await next(), await next()]).toEqual(['whole', 'c'])
  appendFileSync(path, line('d'))
  renameSync(path, old)
  writeFileSync(path, line('e'))
  expect([await next(), await next()]).toEqual(['d', 'e'])

  appendFileSync(path, line('x'.repeat(1000)).repeat(2000) + line('last'))
  let count = 0
  while ((await next()) !== 'last') count++
  expect(count).toBeLessThan(600)
  const end = lines.next()
  leaving.abort()
  expect((await end).done).toBe(true)
})
