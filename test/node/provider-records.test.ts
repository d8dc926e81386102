import { Key } from 'interface-datastore'
import { describe, expect, it } from 'vitest'
import { ProviderRecords } from '../../node/network/provider-records.ts'

const at = (key: string, peer: string) => new Key(`/dht/provider/${key}/${peer}`)
const keyOf = (n: number): string => `k${[...String(n)].map(digit => 'abcdefghij'[Number(digit)]).join('')}`
const VALUE = Uint8Array.of(1)

describe('the provider records of a node', () => {
  const peersOf = async (records: ProviderRecords, key: string) =>
    (await Array.fromAsync(records.query({ prefix: `/dht/provider/${key}` }))).map(({ key: name }) =>
      name.toString().split('/').at(-1)
    )

  it('are no more than 512 of one peer, whose oldest give way, and those of the node itself stay', async () => {
    const records = new ProviderRecords('self')
    await records.put(at('own', 'self'), VALUE)
    for (let n = 0; n < 600; n++) await records.put(at(keyOf(n), 'flood'), VALUE)
    expect(records.size).toBe(513)
    expect(await peersOf(records, keyOf(0))).toEqual([])
    expect(await peersOf(records, keyOf(599))).toEqual(['flood'])
    expect(await peersOf(records, 'own')).toEqual(['self'])
  })

  it('name twenty peers for one key, the latest', async () => {
    const records = new ProviderRecords('self')
    await records.put(at('key', 'self'), VALUE)
    for (let n = 0; n < 30; n++) await records.put(at('key', `peer${n}`), VALUE)
    const peers = await peersOf(records, 'key')
    expect(peers).toHaveLength(20)
    expect(peers).toEqual(expect.arrayContaining(['self', 'peer29']))
  })

  it('are no more than 8,192 of all: the peer with most gives way', async () => {
    const records = new ProviderRecords('self')
    await records.put(at('key', 'small'), VALUE)
    for (let peer = 0; peer < 17; peer++)
      for (let n = 0; n < 512; n++) await records.put(at(keyOf(peer * 1000 + n), `peer${peer}`), VALUE)
    expect(records.size).toBe(8192)
    expect(await peersOf(records, 'key')).toEqual(['small'])
  })

  it('are removed and read one by one, and nothing else is kept', async () => {
    const records = new ProviderRecords('self')
    await records.put(at('key', 'peer'), VALUE)
    expect(await records.get(at('key', 'peer'))).toEqual(VALUE)
    await records.delete(at('key', 'peer'))
    await expect(records.get(at('key', 'peer'))).rejects.toMatchObject({ name: 'NotFoundError' })
    await expect(records.put(new Key('/dht/record/abc'), VALUE)).rejects.toMatchObject({ code: 'DENIED' })
    expect(records.size).toBe(0)
  })
})
