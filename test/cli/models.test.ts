/** Models that are offered and withdrawn, as their owner types it. */

import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'vitest'
import { runCli } from './run-cli.ts'
import { startNode, temporaryHome } from './started-node.ts'

/** Each command is a process; on a busy machine one takes seconds. */
const PATIENCE_MS = 120_000

describe('models on the command line', () => {
  it(
    'are loaded, shown and unloaded, with words and as JSON',
    async () => {
      await using den = await startNode(await temporaryHome(), ['--name', 'den'])
      const onDen = (...args: string[]) => runCli(args, { home: den.home })
      const show = async () => (await onDen('models', 'show', 'digits-cnn')).stdout
      assert.match(await show(), /^Tasks {3}image-classification, tensor\nState {3}cold\nFormat {2}onnx\n/m)

      const loaded = await onDen('models', 'load', 'digits-cnn', '--json')
      assert.equal(loaded.code, 0, loaded.stderr)
      const { model_id, status, memory_bytes } = JSON.parse(loaded.stdout)
      assert.deepEqual([model_id, status], ['digits-cnn', 'ready'])
      assert.ok(memory_bytes > 0)
      assert.match(await show(), /^State {3}ready$/m)
      assert.match(await show(), /^den \(here only\) +ready +32 +- +-$/m)
      assert.match(
        (await onDen('models')).stdout,
        /^digits-cnn +tensor +ready +[\d.]+ KiB +- +den \(here only\)$/m
      )

      assert.match(
        (await onDen('models', 'load', 'digits-cnn')).stdout,
        /^digits-cnn is loaded and takes [\d.]+ MiB/
      )
      const unloaded = await onDen('models', 'unload', 'digits-cnn')
      assert.match(unloaded.stdout, /^digits-cnn is unloaded\. The next request loads it again\.$/m)
      assert.match(await show(), /^State {3}(draining|cold)$/m)
      const unknown = await onDen('models', 'load', 'digit-cnn')
      assert.equal(unknown.code, 4)
      assert.match(unknown.stderr, /no model "digit-cnn".*Closest: digits-cnn/)
    },
    PATIENCE_MS
  )

  it(
    'are listed, withdrawn and offered again, with words and as JSON',
    async () => {
      await using den = await startNode(await temporaryHome(), ['--name', 'den', '--echo'])
      const onDen = (...args: string[]) => runCli(args, { home: den.home })
      const offeredTo = async () => {
        const { items } = JSON.parse((await onDen('models', '--json')).stdout)
        return items.find(({ id }: { id: string }) => id === 'echo').providers[0].offered_to
      }
      assert.equal(await offeredTo(), 'everyone')

      const withdrawn = await onDen('models', 'withdraw', 'echo')
      assert.equal(withdrawn.code, 0, withdrawn.stderr)
      assert.match(withdrawn.stdout, /echo is offered to no other device now/)
      assert.equal(await offeredTo(), null)
      assert.match((await onDen('models')).stdout, /^echo +text-generation +ready +- +- +den \(here only\)$/m)
      assert.equal((await onDen('infer', 'echo', 'still mine')).stdout.trim(), 'still mine')

      const offered = await onDen(
        'models',
        'offer',
        'echo',
        '--role',
        'admin',
        'edge',
        '--peer',
        'den',
        '--json'
      )
      assert.deepEqual(JSON.parse(offered.stdout), {
        model_id: 'echo',
        offered_to: { roles: ['admin', 'edge'], peers: [den.ready.peer_id] }
      })
      const toRole = await onDen('models', 'offer', 'echo', '--role', 'admin')
      assert.match(toRole.stdout, /^echo is offered to the role admin now/)
      const toPeer = await onDen('models', 'offer', 'echo', '--peer', 'den')
      assert.match(toPeer.stdout, /^echo is offered to den now/)
      const toBoth = await onDen('models', 'offer', 'echo', '--role', 'admin', '--peer', 'den')
      assert.match(toBoth.stdout, /^echo is offered to the role admin and den now/)
      assert.match((await onDen('models', 'offer', 'echo')).stdout, /echo is offered to every member now/)
      assert.equal(await offeredTo(), 'everyone')

      const demonstration = await onDen('models', 'offer', 'digits-cnn')
      assert.equal(demonstration.code, 1)
      assert.match(
        demonstration.stderr,
        /ships with the node as a demonstration.*copy its folder into .*models\./
      )
      const back = await onDen('models', 'withdraw', 'digits-cnn')
      assert.match(back.stderr, /ships with the node as a demonstration/)
      assert.match((await onDen('models')).stdout, /^digits-cnn .* den \(here only\)$/m)
      assert.match((await onDen('models')).stdout, /^echo .* den \(here\)$/m)

      const unknown = await onDen('models', 'withdraw', 'ecco')
      assert.equal(unknown.code, 4)
      assert.match(unknown.stderr, /no model "ecco".*Closest: echo/)
      assert.equal((await onDen('models', 'offer', 'echo', '--peer', 'nobody')).code, 4)
      assert.equal((await onDen('models', 'offer', 'echo', '--role', 'king')).code, 2)
      assert.equal((await onDen('models', 'ofer', 'echo')).code, 2)
      assert.match((await onDen('models', '--help')).stdout, /withdraw.*offer a model of this device to no/)
    },
    PATIENCE_MS
  )

  it(
    'are listed with those that the device left out, and the reason',
    async () => {
      const home = await temporaryHome()
      await mkdir(join(home, 'models/broken'), { recursive: true })
      await writeFile(join(home, 'models/broken/model_info.json'), '{')
      await using den = await startNode(home, ['--name', 'den', '--echo'])
      const listed = await runCli(['models'], { home: den.home })
      assert.match(
        listed.stdout,
        /^NOT SERVED +MODEL +REASON\n.*models\/broken +- +model_info.json is no JSON/m
      )
      const { left_out: leftOut } = JSON.parse(
        (await runCli(['models', '--json'], { home: den.home })).stdout
      )
      assert.deepEqual(Object.keys(leftOut[0]), ['place', 'code', 'reason', 'model_id'])
      assert.equal(leftOut[0].code, 'MODEL_INVALID')
    },
    PATIENCE_MS
  )
})
