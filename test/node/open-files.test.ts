import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { openFilesFound } from '../../node/doctor/open-files.ts'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

/** A process as Linux shows it, with so many files open. */
function processWith(open: number, limits: string): string {
  const proc = mkdtempSync(join(tmpdir(), 'lumos-proc-'))
  folders.push(proc)
  mkdirSync(join(proc, 'fd'))
  for (let n = 0; n < open; n++) writeFileSync(join(proc, 'fd', `${n}`), '')
  writeFileSync(join(proc, 'limits'), limits)
  return proc
}
const limitsOf = (max: string) =>
  `Limit                     Soft Limit           Hard Limit           Units\nMax open files            ${max}                 ${max}              files\n`

describe('the open files of a node', () => {
  it('are told when new connections are about to be dropped, with the limit and the way out', () => {
    const [finding, ...others] = openFilesFound(processWith(46, limitsOf('50')))
    expect(others).toEqual([])
    expect(finding).toMatchObject({ check: 'files', status: 'warn' })
    expect(finding!.message).toContain('46 files and connections open, of 50')
    expect(finding!.fix).toContain('ulimit -n')
  })

  it('are not told up to nine tenths of the limit', () => {
    expect(openFilesFound(processWith(45, limitsOf('50')))).toEqual([])
  })

  it.each([
    ['has no such folder', '/nowhere'],
    ['knows no limit', processWith(9, limitsOf('unlimited'))],
    ['says something else', processWith(9, '')]
  ])('are not told where the system %s', (_, proc) => {
    expect(openFilesFound(proc)).toEqual([])
  })

  it.runIf(process.platform === 'linux')('of a process are counted as the system has them', async () => {
    const opens = `for (let n = 0; n < 40; n++) fs.openSync('/dev/null'); console.log('open'); process.stdin.resume()`
    const child = spawn('sh', ['-c', 'ulimit -n 64; exec "$0" -e "$1"', process.execPath, opens])
    try {
      await once(child.stdout, 'data')
      const [finding] = openFilesFound(`/proc/${child.pid}`)
      expect(finding?.message).toContain('of 64 that it may')
    } finally {
      child.kill('SIGKILL')
    }
  })
})
