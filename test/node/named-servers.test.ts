import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { namedServers } from '../../node/settings/servers.ts'
import { DONE, delta, startModelServer } from '../fixtures/model-server.ts'
import { becomes } from '../hostile/measures.ts'
import { meets, startNode, temporaryHome } from './mesh-nodes.ts'

describe('servers of models in the settings', () => {
  it('are near or elsewhere by their address, unless the settings say it', () => {
    const near = (url: string, leavesMesh?: boolean) =>
      namedServers({ s: { url, leavesMesh } }, {})[0]!.leavesMesh
    for (const url of [
      'http://127.0.0.1:1',
      'http://192.168.1.9',
      'http://[fd00::1]:8',
      'http://den.lan:1',
      'http://den'
    ])
      expect([url, near(url)]).toEqual([url, false])
    for (const url of [
      'https://api.example.com',
      'http://8.8.8.8',
      'http://[2001:db8::1]',
      'http://10.0.0.1.example.com'
    ])
      expect([url, near(url)]).toEqual([url, true])
    expect([near('http://den', true), near('https://api.example.com', false)]).toEqual([true, false])
  })

  it('get a key from a file as it is now, or from a variable', async () => {
    const file = join(await temporaryHome(), 'key')
    await writeFile(file, 'one\n')
    const [byFile, byName] = namedServers(
      { a: { url: 'http://den', keyFile: file }, b: { url: 'http://den', keyVariable: 'DEN_KEY' } },
      { DEN_KEY: 'three' }
    )
    expect(await byFile!.key!()).toBe('one')
    await writeFile(file, 'two')
    expect([await byFile!.key!(), await byName!.key!()]).toEqual(['two', 'three'])
  })

  it('answer the mesh; one that leaves it answers its own device, and those who name its model', async () => {
    const said = (content: string) => () => ({ stream: [delta({ content }), delta({}, 'stop'), DONE] })
    await using near = await startModelServer(asked =>
      asked.path === '/v1/models' ? { json: { data: [{ id: 'near' }] } } : said('near')()
    )
    await using far = await startModelServer(said('far'))
    const servers = {
      near: { url: near.url },
      far: { url: far.url, leavesMesh: true, models: ['far'] }
    }
    await using owner = await startNode('owner', [], { settings: { 'engines.servers': servers } })
    await using other = await startNode('other', [owner])
    await meets(owner, other)
    await becomes('the model of the near server is known', 10_000, () =>
      other.models().some(({ model }) => model === 'near')
    )

    const ask = async (node: typeof owner, more: object) => {
      const input = { messages: [{ role: 'user', content: 'x' }] }
      const chunks = await Array.fromAsync(node.infer({ input, ...more }))
      return chunks.map(chunk => (chunk.type === 'text' ? chunk.text : '')).join('')
    }
    expect(await ask(other, { model: 'near' })).toBe('near')
    expect(await ask(owner, { model: 'far' })).toBe('far')
    expect(await ask(owner, { task: 'text-generation' })).toBe('near')
    expect(await ask(other, { task: 'text-generation' })).toBe('near')
    expect(other.models().map(({ model }) => model)).not.toContain('far')
    await expect(ask(other, { model: 'far' })).rejects.toMatchObject({ code: 'NO_PROVIDER' })
    expect(far.asked).toHaveLength(1)
  })
})
