import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../sim/random.ts'

const MAIN = join(import.meta.dirname, '../../sim/main.ts')
const sim = (...args: string[]) =>
  promisify(execFile)(process.execPath, [MAIN, ...args]).catch(
    err => err as { code: number; stderr: string; stdout: string }
  )

describe('the simulation', () => {
  it('lets twenty nodes that know three others each meet everyone and be answered', {
    timeout: 120_000
  }, async () => {
    const { stdout } = await sim('first-contact', '--nodes', '20', '--seed', '7', '--json')
    expect(JSON.parse(stdout)).toMatchObject({ scenario: 'first-contact', seed: 7, passed: true })
  })

  it('says what it can do when it is asked for something else', async () => {
    const failed = await sim('no-such-scenario')
    expect(failed).toMatchObject({ code: 2 })
    expect(failed.stderr).toContain('first-contact')
  })

  it('refuses a cluster that is too large or none', async () => {
    expect(await sim('first-contact', '--nodes', '1')).toMatchObject({ code: 2 })
    expect(await sim('first-contact', '--nodes', '9999')).toMatchObject({ code: 2 })
  })

  it('draws the same chance from the same seed', () => {
    const draw = (seed: number) => Array.from({ length: 100 }, seededRandom(seed))
    expect(draw(1)).toEqual(draw(1))
    expect(draw(1)).not.toEqual(draw(2))
    expect(Math.min(...draw(3))).toBeGreaterThanOrEqual(0)
    expect(Math.max(...draw(3))).toBeLessThan(1)
  })
})
