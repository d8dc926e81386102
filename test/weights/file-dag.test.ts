import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'vitest'
import { cidOfDigest, readCid } from '../../storage/weights/cid.ts'
import { fileDag } from '../../storage/weights/file-dag.ts'

const MIB = 1024 * 1024
/** Bytes of no pattern that always are the same: leaf `n` is the number `n`, over and over. */
const digestsOf = (bytes: number): Uint8Array => {
  const digests: Uint8Array[] = []
  for (let n = 0; n === 0 || n * MIB < bytes; n++) {
    digests.push(
      createHash('sha256')
        .update(Buffer.alloc(Math.min(MIB, bytes - n * MIB), n))
        .digest()
    )
  }
  return Buffer.concat(digests)
}

describe('the DAG of a file', () => {
  // Made by `ipfs-unixfs-importer` with raw leaves of 1 MiB and 174 links a node.
  it.each([
    [0, 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku', 0],
    [5, 'bafkreieikviivlpbn3cxhuq6njef37ikoysaqxa2cs26zxleqxpay2bzuq', 0],
    [1048576, 'bafkreibq4fevl27rgurgnxbp7adh42aqiyd6ouflxhj3gzmcxcxzbh6lla', 0],
    [1048577, 'bafybeiaomlonartwxzal4y3jecn5axopw3ip6ie37q33qlyuccqpfok7p4', 1],
    [182452224, 'bafybeifbqycfhztc5dft2jqagfkcgh5lduixs2sctmhej7iqnuqyysafbe', 1],
    [183500807, 'bafybeibarmtrjljzq6ma5ruo5hpyyuhqrqnsrdfvywcs2ne4kiud2oqa74', 3]
  ] as const)('of %i bytes has the CID that a plain UnixFS import gives', (bytes, cid, nodes) => {
    const dag = fileDag(digestsOf(bytes), bytes)
    assert.equal(dag.cid, cid)
    assert.equal(dag.nodes.size, nodes)
  })

  it('reads a CID back, and no other text', () => {
    const digest = createHash('sha256').update('x').digest()
    for (const codec of ['raw', 'dag-pb'] as const) {
      const cid = readCid(cidOfDigest(codec, digest))!
      assert.equal(cid.codec, codec)
      assert.deepEqual(Buffer.from(cid.digest), digest)
    }
    const text = cidOfDigest('raw', digest)
    for (const other of ['', 'b', text.slice(1), `${text}a`, text.toUpperCase(), `${text.slice(0, -1)}7`]) {
      assert.equal(readCid(other), undefined, other)
    }
  })
})
