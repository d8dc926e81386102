/** What one caller may have watched, and the jobs that a call waits for. */

import assert from 'node:assert/strict'
import { describe, it } from 'vitest'
import type { UnitCalls } from '../../gateway/mcp/calls.ts'
import { followedJob, jobIn } from '../../gateway/mcp/jobs.ts'
import { WATCHED_MAX, WatchedResources } from '../../gateway/mcp/watched.ts'
import type { UnitDescription } from '../../units/description.ts'

const calls = (watch: UnitCalls['watch'], called: string[] = []): UnitCalls => ({
  list: async () => [],
  call: async unit => void called.push(unit),
  watch
})

describe('the resources that a caller watches', () => {
  const endless = calls(async function* (_unit, _input, signal) {
    yield { type: 'snapshot' }
    await new Promise(resolve => signal.addEventListener('abort', resolve))
  })

  it('are bounded over all its clients, and one that ends makes room', async () => {
    const room = { taken: 0 }
    const [one, other] = [new WatchedResources(room, () => {}), new WatchedResources(room, () => {})]
    for (let i = 0; i < WATCHED_MAX; i++) await one.add(`lumos://model/${i}`, endless)
    await one.add('lumos://model/1', endless)
    await assert.rejects(other.add('lumos://models', endless), { code: 'OVERLOADED' })
    one.remove('lumos://model/1')
    await assert.rejects(other.add('lumos://models', endless), { code: 'OVERLOADED' })
    one.remove('lumos://model/1')
    await other.add('lumos://models', endless)
    one.end()
    other.end()
    assert.equal(room.taken, 0)
  })

  it('take no room where they are not there, or have an address without end', async () => {
    const room = { taken: 0 }
    const watched = new WatchedResources(room, () => {})
    const failing = calls(() => assert.fail('not there'))
    await assert.rejects(watched.add('lumos://nothing', failing), /not there/)
    await assert.rejects(watched.add('x'.repeat(2000), endless), { code: 'INPUT_TOO_LARGE' })
    assert.equal(room.taken, 0)
  })
})

describe('a job that a tool begins', () => {
  const running = {
    state: 'running',
    error: null,
    progress: { done: 1, total: 4, unit: 'bytes', message: 'a' }
  }
  const begun = { model_id: null, status: 'running', job_id: 'j1' }
  const after = (...jobs: object[]) =>
    calls(async function* () {
      yield* jobs
    })

  it('tells of its progress, and is the answer when it has ended', async () => {
    const told: object[] = []
    const options = { signal: new AbortController().signal, gone: undefined }
    const follow = (last: object) =>
      followedJob(after(running, { ...running, ...last }), 'j1', begun, {
        ...options,
        onProgress: progress => told.push(progress)
      })
    assert.deepEqual(await follow({ state: 'done', progress: null }), { ...begun, status: 'done' })
    assert.deepEqual(told, [{ progress: 1, total: 4, message: 'a' }])
    const error = { code: 'ORIGIN_FAILED', message: 'No.' }
    await assert.rejects(follow({ state: 'failed', error }), { message: 'No.' })
  })

  it('ends with the call that is cancelled, and goes on without a client that is gone', async () => {
    for (const isGone of [false, true]) {
      const called: string[] = []
      const [leaving, gone] = [new AbortController(), new AbortController()]
      const waiting = calls(async function* (_unit, _input, signal) {
        yield running
        // It was aborted meanwhile.
        signal.throwIfAborted()
      }, called)
      const onProgress = () => {
        if (isGone) gone.abort()
        leaving.abort()
      }
      await assert.rejects(
        followedJob(waiting, 'j1', begun, { signal: leaving.signal, gone: gone.signal, onProgress })
      )
      assert.deepEqual(called, isGone ? [] : ['job.cancel'])
    }
  })

  it('is that of a command which says so in its output', () => {
    const unit = (kind: string, properties: object) => ({ kind, output: { properties } }) as UnitDescription
    assert.equal(jobIn(unit('command', { job_id: {} }), begun), 'j1')
    assert.equal(jobIn(unit('command', { id: {}, restarts: {} }), { id: 'j2' }), 'j2')
    assert.equal(jobIn(unit('query', { id: {}, restarts: {} }), { id: 'j2' }), undefined)
    assert.equal(jobIn(unit('command', { id: {} }), { id: 'x' }), undefined)
  })
})
