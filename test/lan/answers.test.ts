/** What is asked on one device and answered by another. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { it } from 'vitest'
import type { NodeClient } from '../../cli/client.ts'
import { ERROR_MEANINGS } from '../../interface/errors.ts'
import type { RankedPeer } from '../../interface/routing.ts'
import type { TaskOutput } from '../../interface/tasks/index.ts'
import { Lab } from '../../lab/lab.ts'
import { ASKER, holds, meet, pair, startOn } from '../../lab/node.ts'
import { unreadBytes } from '../../lab/sockets.ts'
import { describeOnLan } from './lan.ts'

const digits = (name: string): string => fileURLToPath(new URL(`../fixtures/digits/${name}`, import.meta.url))

describeOnLan('a node that serves nothing', () => {
  it('has an image classified by the other, and reads the same 357 of 360 digits as that one by itself', async () => {
    await using lab = await Lab.create()
    const lan = await lab.lan()
    await using server = await startOn(await lan.device('server'), 'server')
    await using asker = await startOn(await lan.device('asker'), 'asker', { env: ASKER })
    await pair(server, asker)
    await holds(asker, server)

    const { code, stdout } = await asker.cli('infer', 'digits-cnn', `@${digits('7.png')}`, '--json')
    assert.equal(code, 0)
    const { task, model, output, meta } = JSON.parse(stdout)
    assert.deepEqual([task, model], ['image-classification', 'digits-cnn'])
    assert.equal(output.labels[0].label, '7')
    assert.deepEqual([meta.peer, meta.route], [server.peerId, 'remote'])

    const remote = await readAll(asker.client, 'remote')
    const direct = await readAll(server.client, 'local')
    assert.deepEqual(remote, direct)
    const labels = await readFile(digits('labels.u8'))
    assert.equal(remote.filter((digit, i) => digit === labels[i]).length, 357)
  })
})

/** Nothing is left to chance. */
const FASTEST = ['--policy', 'fastest']

describeOnLan('a request whose peer is killed', () => {
  it('is answered by another peer when nothing had come yet', async () => {
    await using lab = await Lab.create()
    const lan = await lab.lan()
    await using one = await startOn(await lan.device('one'), 'one', { args: ['--echo'], env: ASKER })
    await using other = await startOn(await lan.device('other'), 'other', { args: ['--echo'], env: ASKER })
    await using asker = await startOn(await lan.device('asker'), 'asker', { env: ASKER })
    await pair(asker, one, other)
    await Promise.all([holds(asker, one), holds(asker, other)])
    // Only a peer that has answered before has a stream that takes a request while it stands still.
    for (const peer of ['one', 'other'])
      assert.equal((await asker.cli('infer', 'echo', 'warm up', '--peer', peer)).code, 0)
    const { data } = await asker.client.execute<{ items: RankedPeer[] }>('inference.explain', {
      model: 'echo'
    })
    const [first, second] = data.items[0]!.peer_id === one.peerId ? [one, other] : [other, one]

    const words = 'every word '.repeat(10_000).trim()
    first.signal('SIGSTOP')
    const asking = asker.spawnCli('infer', 'echo', '-', ...['--json', '--max-tokens', '100000'], ...FASTEST)
    asking.stdin.end(words)
    const answer = Promise.all([text(asking.stdout), once(asking, 'close')])
    // It lies there now, and that node will never read it.
    await unreadBytes(words.length / 2, first.pid)
    await first.end('SIGKILL')

    const [stdout, [code]] = await answer
    assert.equal(code, 0)
    const { output, meta } = JSON.parse(stdout)
    assert.equal(output.text, words)
    assert.deepEqual([meta.peer, meta.route], [second.peerId, 'remote'])
  })

  it('ends with STREAM_INTERRUPTED and the number of chunks that had come', async () => {
    await using lab = await Lab.create()
    const lan = await lab.lan()
    await using server = await startOn(await lan.device('server'), 'server', { args: ['--echo'], env: ASKER })
    await using asker = await startOn(await lan.device('asker'), 'asker', { env: ASKER })
    await pair(server, asker)
    await meet(asker, server)

    // More than all buffers on the way hold, so that it cannot have come whole.
    const words = 60_000
    const asking = asker.spawnCli('infer', 'echo', '-', '--jsonl', '--json', '--max-tokens', `${words}`)
    asking.stdin.end('many-words '.repeat(words).trim())
    await once(asking.stdout, 'readable')
    await server.end('SIGKILL')

    const [stdout, stderr, [code]] = await Promise.all([
      text(asking.stdout),
      text(asking.stderr),
      once(asking, 'close')
    ])
    assert.equal(code, ERROR_MEANINGS.STREAM_INTERRUPTED.exitCode)
    const { error } = JSON.parse(stderr)
    assert.equal(error.code, 'STREAM_INTERRUPTED')
    const chunks = stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    assert.deepEqual(
      chunks.map(({ index }) => index),
      chunks.map((_, i) => i)
    )
    assert.ok(chunks.length > 0 && chunks.length < words)
    assert.match(error.message, new RegExp(`\\b${chunks.length} chunks\\b`))
  })
})

const SIDE = 8
const PIXELS = SIDE * SIDE
/** A pixel is a byte; the model takes 0 to 1. */
const BRIGHTEST = 255

/** The digit that each picture of the fixtures is taken for, one call each. */
async function readAll(client: NodeClient, route: 'local' | 'remote'): Promise<number[]> {
  const images = await readFile(digits('images.u8'))
  const read: number[] = []
  for (let start = 0; start < images.length; start += PIXELS) {
    const pixels = Float32Array.from(images.subarray(start, start + PIXELS), value => value / BRIGHTEST)
    const data = Buffer.from(pixels.buffer).toString('base64')
    const image = { type: 'float32', dims: [1, 1, SIDE, SIDE], data }
    const { data: answer, meta } = await client.execute<{ output: TaskOutput<'tensor'> }>('inference.run', {
      task: 'tensor',
      model: 'digits-cnn',
      input: { tensors: { image } }
    })
    assert.equal(meta.route, route)
    const bytes = Buffer.from(answer.output.tensors.logits!.data as unknown as string, 'base64')
    const logits = [...new Float32Array(Uint8Array.from(bytes).buffer)]
    read.push(logits.indexOf(Math.max(...logits)))
  }
  return read
}
