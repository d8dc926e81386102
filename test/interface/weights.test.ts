/** What may be a name of a repository, or a path in one. */

import assert from 'node:assert/strict'
import { describe, it } from 'vitest'
import { RepositoryName, RepositoryPath } from '../../interface/weights.ts'

const CID = 'bafybeiaomlonartwxzal4y3jecn5axopw3ip6ie37q33qlyuccqpfok7p4'

describe('a name of a repository', () => {
  it.each([CID, CID.toUpperCase(), CID.replace('ybei', 'krei'), 'ab'.repeat(32)])('is never %s', name => {
    assert.equal(RepositoryName.safeParse(name).success, false)
  })

  it.each(['org/model:q4', 'bafybei', 'deadbeef'])('may be %s', name => {
    assert.equal(RepositoryName.parse(name), name)
  })
})

describe('a path in a repository', () => {
  it.each([
    ...['con', 'NUL.bin', 'a/aux.json', 'com1/x', ' lpt9', 'PRN .txt'],
    ...[
      '..',
      '.',
      'a/..',
      '../a',
      'a//b',
      '/a',
      'a/',
      'a\\b',
      'a\0',
      'a.',
      'a ',
      'C:/a',
      'models/..%2f',
      'ü'
    ],
    'a'.repeat(256)
  ])('is never %j', path => {
    assert.equal(RepositoryPath.safeParse(path).success, false)
  })

  it.each(['console.json', 'a/auxiliary.bin', 'com10', 'nullable', '.gitattributes', 'onnx/a b (1).onnx'])(
    'may be %j',
    path => {
      assert.equal(RepositoryPath.parse(path), path)
    }
  )
})
