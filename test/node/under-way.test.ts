import { expect, it } from 'vitest'
import { UnderWay } from '../../node/under-way.ts'

/** What has settled once all that is ready to run has run. */
async function settledOf(promises: readonly Promise<unknown>[]): Promise<boolean[]> {
  const settled = promises.map(() => false)
  for (const [i, promise] of promises.entries()) {
    const settle = () => {
      settled[i] = true
    }
    promise.then(settle, settle)
  }
  await new Promise(resolve => setImmediate(resolve))
  return settled
}

it('is idle at once when nothing is under way', async () => {
  await new UnderWay().whenIdle()
})

it('is idle when the last of several has ended, and wakes all that wait', async () => {
  const underWay = new UnderWay()
  underWay.begin()
  underWay.begin()
  const waits = [underWay.whenIdle(), underWay.whenIdle()]
  underWay.end()
  expect(await settledOf(waits)).toEqual([false, false])
  expect(underWay.count).toBe(1)
  underWay.end()
  await Promise.all(waits)
})

it('waits anew for what begins after a first drain', async () => {
  const underWay = new UnderWay()
  underWay.begin()
  const first = underWay.whenIdle()
  underWay.end()
  underWay.begin()
  await first
  const second = underWay.whenIdle()
  expect(await settledOf([second])).toEqual([false])
  underWay.end()
  await second
})

it('gives up with the reason of its signal, and the others wait on', async () => {
  const underWay = new UnderWay()
  underWay.begin()
  const controller = new AbortController()
  const given = underWay.whenIdle({ signal: controller.signal })
  const kept = underWay.whenIdle()
  controller.abort(new Error('late'))
  await expect(given).rejects.toThrow('late')
  await expect(underWay.whenIdle({ signal: controller.signal })).rejects.toThrow('late')
  expect(await settledOf([kept])).toEqual([false])
  underWay.end()
  await kept
})
