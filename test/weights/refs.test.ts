import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { InvalidInputError } from '../../interface/errors.ts'
import { ModelId } from '../../interface/names.ts'
import { type ModelRef, nameOf, parseRef, refText } from '../../node/weights/origins/index.ts'

const CID = 'bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi'
const CID_0 = 'QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n'
const PEER = '/ip4/192.0.2.7/tcp/4001/p2p/12D3KooWPqrUAxDJrNEvcCsnnKWAfpd6CLKJ9ZbZ94Qp9TxCf4Bv'

describe('the written form of a model', () => {
  it.each<[string, ModelRef]>([
    ['hf:acme/tiny', { kind: 'hf', owner: 'acme', name: 'tiny' }],
    ['HF:acme/tiny', { kind: 'hf', owner: 'acme', name: 'tiny' }],
    ['hf:acme/tiny@refs/pr/1', { kind: 'hf', owner: 'acme', name: 'tiny', revision: 'refs/pr/1' }],
    ['hf:acme/tiny:a/b@c.gguf', { kind: 'hf', owner: 'acme', name: 'tiny', file: 'a/b@c.gguf' }],
    ['ms:acme/tiny@v1:q4_0', { kind: 'ms', owner: 'acme', name: 'tiny', revision: 'v1', file: 'q4_0' }],
    ['ollama:qwen3', { kind: 'ollama', name: 'qwen3', tag: 'latest' }],
    ['ollama:library/qwen3:0.6b', { kind: 'ollama', name: 'qwen3', tag: '0.6b' }],
    ['ollama:me/qwen3:0.6b', { kind: 'ollama', name: 'me/qwen3', tag: '0.6b' }],
    [`ipfs:${CID}@${PEER}`, { kind: 'ipfs', cid: CID, address: PEER }],
    [`ipfs:${CID_0}@${PEER}`, { kind: 'ipfs', cid: CID_0, address: PEER }],
    ['https://h.example/a.gguf?x=1#part', { kind: 'url', url: 'https://h.example/a.gguf?x=1' }],
    ['https://huggingface.co/acme/tiny', { kind: 'hf', owner: 'acme', name: 'tiny' }],
    ['https://huggingface.co/acme/tiny/tree/main?x=1#y', { kind: 'hf', owner: 'acme', name: 'tiny' }],
    ['https://hf.co/acme/tiny/tree/v1.0', { kind: 'hf', owner: 'acme', name: 'tiny', revision: 'v1.0' }],
    [
      'https://huggingface.co/acme/tiny/blob/main/q4/tiny-00001-of-00002.gguf',
      { kind: 'hf', owner: 'acme', name: 'tiny', file: 'q4/tiny-00001-of-00002.gguf' }
    ],
    [
      'https://huggingface.co/acme/tiny/resolve/refs%2Fpr%2F1/a.gguf?download=true',
      { kind: 'hf', owner: 'acme', name: 'tiny', revision: 'refs/pr/1', file: 'a.gguf' }
    ],
    ['hf.co/acme/tiny:Q4_K_M', { kind: 'hf', owner: 'acme', name: 'tiny', file: 'Q4_K_M' }],
    ['huggingface.co/acme/tiny', { kind: 'hf', owner: 'acme', name: 'tiny' }],
    ['https://modelscope.cn/models/acme/tiny/files', { kind: 'ms', owner: 'acme', name: 'tiny' }],
    [
      'https://huggingface.co/datasets/acme/rows/resolve/main/a.npz',
      { kind: 'url', url: 'https://huggingface.co/datasets/acme/rows/resolve/main/a.npz' }
    ],
    [
      'https://huggingface.co/acme/tiny/discussions/1',
      { kind: 'url', url: 'https://huggingface.co/acme/tiny/discussions/1' }
    ],
    ['/models/a', { kind: 'path', path: '/models/a' }],
    ['~/a.gguf', { kind: 'path', path: '~/a.gguf' }],
    ['./a', { kind: 'path', path: './a' }],
    ['..', { kind: 'path', path: '..' }],
    ['C:\\models\\a', { kind: 'path', path: 'C:\\models\\a' }],
    [CID, { kind: 'cid', ref: CID }],
    // Letters of a CID, and a name all the same.
    ['bertbasechinese', { kind: 'name', ref: 'bertbasechinese' }],
    ['llama3.2:3b', { kind: 'name', ref: 'llama3.2:3b' }]
  ])('%s is read', (text, ref) => {
    assert.deepEqual(parseRef(text), ref)
  })

  it.each([
    ['', /1 to 4096/],
    ['hf:tiny', /needs an owner and a name/],
    ['hf:a/b/c', /needs an owner and a name/],
    ['hf:../etc', /needs an owner and a name/],
    ['hf:a/b@../x', /"..\/x" is no revision/],
    ['hf:a/b@', /is no revision/],
    ['hf:a/b:../../etc/passwd', /no plain path/],
    ['hf:a/b:/etc/passwd', /no plain path/],
    ['hf:a/b:', /no plain path/],
    ['ollama:', /needs a name/],
    ['ollama:a/b/c', /needs a name/],
    ['ollama:a:b/c', /"b\/c" is no tag/],
    ['ipfs:abc', /needs a CID/],
    [`ipfs:${CID}`, /needs the address of the peer/],
    [`ipfs:${CID}@/unix/run/x/p2p/${PEER.slice(-52)}`, /needs the address of the peer/],
    ['file:///etc/passwd', /no address that starts with/],
    ['s3://bucket/a', /no address that starts with/],
    ['https://me:secret@h.example/a', /no password/],
    ['https://', /no address/],
    ['a b', /no name of a model/],
    ['hf:a/b\u202e', /not seen/],
    ['x'.repeat(5000), /1 to 4096/]
  ])('%s is refused, with the reason', (text, reason) => {
    assert.throws(
      () => parseRef(text),
      err =>
        err instanceof InvalidInputError && reason.test(err.message) && /hf:OWNER\/NAME/.test(err.hint ?? '')
    )
  })

  it('holds no secret of a URL that is refused', () => {
    assert.throws(
      () => parseRef('https://me:secret@h.example/a'),
      err => !/secret/.test((err as Error).message)
    )
  })

  it('is refused or read, and read again from what it says, for any text', () => {
    const parts = fc.constantFrom(
      'hf:',
      'ms:',
      'ollama:',
      'https://h/',
      '/',
      '@',
      ':',
      'a',
      'b/c',
      '..',
      '~',
      '\\',
      '%2e',
      ' ',
      CID
    )
    const texts = fc.oneof(
      fc.string(),
      fc.array(parts, { maxLength: 8 }).map(all => all.join(''))
    )
    fc.assert(
      fc.property(texts, text => {
        let ref: ModelRef
        try {
          ref = parseRef(text)
        } catch (err) {
          assert.ok(err instanceof InvalidInputError, String(err))
          return
        }
        assert.deepEqual(parseRef(refText(ref)), ref)
        const name = nameOf(ref)
        assert.ok(name === undefined || ModelId.safeParse(name).success, name)
      })
    )
  })

  it.each([
    ['hf:acme/tiny', 'acme/tiny'],
    ['hf:acme/tiny:x/Tiny-UD-Q4_K_XL.gguf', 'acme/tiny:ud-q4_k_xl'],
    ['hf:acme/tiny:Tiny-Q8_0-00001-of-00002.gguf', 'acme/tiny:q8_0'],
    ['hf:acme/tiny:q8_0', 'acme/tiny:q8_0'],
    ['hf:acme/tiny:tiny.gguf', 'acme/tiny:tiny'],
    ['ollama:qwen3', 'qwen3'],
    ['ollama:qwen3:0.6b', 'qwen3:0.6b'],
    ['https://h.example/x/tiny%20model.gguf?sig=1', 'tiny-model'],
    ['https://h.example/', undefined],
    ['~/models/tiny/', 'tiny'],
    [CID, undefined]
  ])('%s is called %s here', (text, name) => {
    assert.equal(nameOf(parseRef(text)), name)
  })
})
