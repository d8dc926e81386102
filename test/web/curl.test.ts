import { execFile } from 'node:child_process'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { curlOf } from '../../web/playground/curl.ts'

/** What a shell would send: `curl` is a function that prints its input. */
async function sentBy(command: string, cwd?: string): Promise<string> {
  const script = `curl() { cat; }\n${command}\n`
  return (await promisify(execFile)('sh', ['-c', script], { cwd })).stdout
}

describe('the command of the playground', () => {
  it('sends text that means something to a shell as it is', async () => {
    const input = { text: 'a `id` $(id) $HOME \\ "q"\nEND\nid' }
    const sent = await sentBy(curlOf('http://127.0.0.1:1', 'inference.synthesize', input))
    expect(JSON.parse(sent)).toEqual({ unit: 'inference.synthesize', input })
  })

  it('reads a file of any name, and runs none of it', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'lumos-curl-'))
    const name = "it's $(touch ran) .png"
    await writeFile(join(dir, name), 'picture')
    const sent = await sentBy(
      curlOf('http://127.0.0.1:1', 'inference.detect', { image: 'x' }, { image: name }),
      dir
    )
    expect(JSON.parse(sent).input.image).toBe(Buffer.from('picture').toString('base64'))
    const pair = curlOf('http://127.0.0.1:1', 'inference.verify_faces', {}, { images: [name, name] })
    expect(JSON.parse(await sentBy(pair, dir)).input.images).toEqual(
      Array(2).fill(Buffer.from('picture').toString('base64'))
    )
    expect(curlOf('', 'inference.detect', {}, { image: 'x\nEND\nid' })).not.toMatch(/\nid/)
  })
})
