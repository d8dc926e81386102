/** Weights as their owner types it: brought, found, checked, given out and taken away, on one node and between two. */

import assert from 'node:assert/strict'
import { cp, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, onTestFinished } from 'vitest'
import { runCli } from './run-cli.ts'
import { startNode, temporaryHome } from './started-node.ts'

/** Each command is a process; on a busy machine one takes seconds. */
const PATIENCE_MS = 180_000
const TINY = join(import.meta.dirname, '../../models/tiny-llm')

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'weights-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

const started = async (name: string, args: string[] = []) => {
  const node = await startNode(await temporaryHome(), ['--name', name, ...args], {
    env: { LUMOS_MODELS__BUILTIN: 'false' }
  })
  const cli = (...words: string[]) => runCli(words, { home: node.home })
  return {
    ...node,
    cli,
    async json(...words: string[]) {
      const { code, stdout, stderr } = await cli(...words, '--json')
      assert.equal(code, 0, stderr)
      return JSON.parse(stdout)
    }
  }
}

describe('weights on the command line', () => {
  it('are imported, shown, verified, pinned, exported, collected and removed', {
    timeout: PATIENCE_MS
  }, async () => {
    await using den = await started('den')
    const copy = join(await folder(), 'tiny')
    await cp(TINY, copy, { recursive: true })
    const files = (await readdir(copy, { recursive: true, withFileTypes: true })).filter(one => one.isFile())

    const imported = await den.json('models', 'import', copy, '--name', 'tiny')
    assert.deepEqual(Object.keys(imported), ['model', 'cid', 'bytes', 'files'])
    assert.deepEqual([imported.model, imported.files], ['tiny', files.length])
    assert.match(imported.cid, /^bafybei/)
    const shown = await den.json('models', 'show', 'tiny')
    assert.deepEqual(shown.weights, {
      cid: imported.cid,
      bytes: imported.bytes,
      pinned: false,
      copies: null,
      state: 'whole'
    })
    assert.match((await den.cli('models', 'pin', 'tiny')).stdout, /^tiny stays/)
    assert.match(
      (await den.cli('models', 'show', 'tiny')).stdout,
      new RegExp(`^Weights ${imported.cid}, pinned$`, 'm')
    )
    const denied = await den.cli('models', 'rm', 'tiny')
    assert.equal(denied.code, 1)
    assert.match(denied.stderr, /tiny is pinned.*models unpin tiny/)
    assert.match((await den.cli('models', 'unpin', 'tiny')).stdout, /^tiny is kept like any other/)

    const where = await den.json('models', 'where', 'tiny')
    assert.deepEqual(where, {
      items: [
        { peerId: den.ready.peer_id, name: 'den', bytesHave: imported.bytes, bytesTotal: imported.bytes }
      ]
    })
    assert.match((await den.cli('models', 'where', 'nothing')).stdout, /^No device.*nothing\.$/m)

    const verdict = await den.json('models', 'verify', 'tiny')
    assert.deepEqual(verdict, { valid: true, files: files.length, bytes: imported.bytes, issues: [] })
    const unknown = await den.cli('models', 'verify', 'tinny')
    assert.deepEqual([unknown.code, /Closest: tiny/.test(unknown.stderr)], [4, true])

    const out = join(await folder(), 'out')
    assert.equal((await den.json('models', 'export', 'tiny', out)).bytes, imported.bytes)
    assert.deepEqual(await readFile(join(out, 'config.json')), await readFile(join(TINY, 'config.json')))
    const full = await den.cli('models', 'export', 'tiny', out)
    assert.equal(full.code, 1)
    assert.match(full.stderr, /E_INVALID_INPUT/)

    const use = await den.json('models', 'du')
    assert.deepEqual([use.bytes, use.models[0].model], [imported.bytes, 'tiny'])
    assert.match((await den.cli('models', 'du')).stdout, /^tiny +[\d.]+ \w+ +/m)
    assert.match((await den.cli('models', 'gc', '--dry-run')).stdout, /There is nothing to remove/)

    assert.deepEqual(await den.json('models', 'rm', 'tiny'), { model_id: 'tiny', success: true })
    assert.deepEqual((await den.json('models', 'du')).models, [])
    assert.equal((await den.cli('models', 'rm', 'tiny')).code, 4)
  })

  it('are pulled from another device by name and by CID, and answer there', {
    timeout: PATIENCE_MS
  }, async () => {
    await using den = await started('den')
    const { cid, bytes } = await den.json('models', 'import', TINY, '--name', 'tiny')
    const { code } = await den.json('invite')
    await using attic = await started(
      'attic',
      den.ready.addresses.flatMap(address => ['--peer', address])
    )
    await attic.json('join', code)

    const pulled = await attic.json('models', 'pull', 'tiny')
    assert.deepEqual(pulled, { model: 'tiny', cid, bytes, sources: [{ from: den.ready.peer_id, bytes }] })
    // Nothing is left to do.
    const again = await attic.json('models', 'pull', cid)
    assert.deepEqual(again, { model: 'tiny', cid, bytes, sources: [{ from: 'disk', bytes }] })
    const { items } = await attic.json('models', 'where', 'tiny')
    assert.deepEqual(items.map(({ name }: { name: string }) => name).sort(), ['attic', 'den'])

    // By itself, without the device that it came from.
    den.child.kill('SIGKILL')
    const words = await attic.cli('infer', 'tiny', 'hello', '--max-tokens', '2', '--peer', 'attic')
    assert.equal(words.code, 0, words.stderr)

    await attic.json('models', 'rm', 'tiny', '--force')
    const gone = await attic.cli('models', 'pull', 'owner/no-such-model')
    assert.equal(gone.code, 4)
    assert.match(gone.stderr, /lumos-node models pull hf:owner\/no-such-model/)
  })

  it('come under the name that the person gives, and with a line for each step', {
    timeout: PATIENCE_MS
  }, async () => {
    await using den = await started('den')
    const lines = (await den.cli('models', 'pull', TINY, '--name', 'small', '--jsonl')).stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    const { type, ...result } = lines.at(-1)
    assert.equal(type, 'result')
    assert.deepEqual([result.model, result.sources], ['small', [{ from: 'disk', bytes: result.bytes }]])
    const begun = await den.json('models', 'verify', '--no-wait')
    assert.deepEqual(Object.keys(begun), ['model_id', 'status', 'job_id'])
    const followed = await den.cli('job', 'show', begun.job_id, '--wait')
    assert.equal(followed.code, 0)

    const wrong = await den.cli('models', 'pull', 'hf:nowhere')
    assert.equal(wrong.code, 1)
    assert.match(wrong.stderr, /OWNER\/NAME/)
    const { stdout } = await runCli(['models', '--help'])
    for (const command of [
      'pull',
      'import',
      'where',
      'rm',
      'export',
      'verify',
      'gc',
      'pin',
      'unpin',
      'du',
      'search'
    ])
      assert.match(stdout, new RegExp(`^ +${command} `, 'm'))
  })

  it('that are damaged on disk are found', { timeout: PATIENCE_MS }, async () => {
    await using den = await started('den')
    const path = join(await folder(), 'weights.bin')
    await writeFile(path, Buffer.alloc(3 * 1024 * 1024, 7))
    await den.json('models', 'import', path, '--name', 'blob')
    const { directory } = await den.json('models', 'du')
    const [file] = await readdir(join(directory, 'files'))
    await truncate(join(directory, 'files', file!), 1024)
    const verdict = await den.cli('models', 'verify', 'blob')
    assert.equal(verdict.code, 1)
    assert.match(verdict.stdout, /^blob +weights\.bin +/m)
    assert.match(verdict.stderr, /1 of 1 files have problems.*E_WEIGHTS_INVALID/)
  })
})
