/** What peers send of weights: questions, answers, what they state to hold, and signed manifests of repositories. */

import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { CID } from 'multiformats/cid'
import * as z from 'zod'
import { Repository } from '../../../interface/weights.ts'
import { decodeHeld, encodeHeld } from '../../../node/weights/transfer/claims.ts'
import { decodeWants } from '../../../protocols/bitswap/codec.ts'
import { protobuf } from '../../../protocols/bitswap/protobuf.ts'
import { Find, Found, OfBlock, OfComing, OfFile, Share } from '../../../protocols/blocks/codec.ts'
import { LEAF_LIST, LeafList, openLeafList } from '../../../protocols/weights/leaf-list.ts'
import {
  openRepositoryManifest,
  REPOSITORY_MANIFEST
} from '../../../protocols/weights/repository-manifest.ts'
import { decodeControl, encodeControl } from '../../../protocols/wire/control.ts'
import { sealRecord } from '../../../protocols/wire/signed-record.ts'
import { mutatedControl, mutatedValue } from '../structure.ts'
import type { Target } from '../target.ts'

const key = await generateKeyPairFromSeed('Ed25519', new Uint8Array(32).fill(3))
const cid = 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku'
const repository: Repository = {
  name: 'org/model:q4',
  cid: 'bafybeiaomlonartwxzal4y3jecn5axopw3ip6ie37q33qlyuccqpfok7p4',
  bytes: 7,
  files: [
    { path: 'onnx/model.onnx', bytes: 4, sha256: 'ab'.repeat(32), cid },
    { path: 'config.json', bytes: 3, sha256: 'cd'.repeat(32), cid }
  ]
}
const { envelope } = await sealRecord(REPOSITORY_MANIFEST, repository, key)

const list: LeafList = {
  ...{ sha256: 'ab'.repeat(32), bytes: 3 * 1024 * 1024, first: 1 },
  digests: new Uint8Array(64).fill(5)
}
const sealedList = (await sealRecord(LEAF_LIST, list, key)).envelope
const stated = { stage: 'follows', able: true, strength: 21, round: 7 }

const want = protobuf([
  [1, CID.parse(cid).bytes],
  [4, 1],
  [5, 1]
])

export const WEIGHT_TARGETS: readonly Target[] = [
  {
    name: 'bitswap wants',
    seeds: [protobuf([[1, protobuf([[1, want]])]]), protobuf([[1, protobuf([[2, 1]])]])],
    read: decodeWants
  },
  {
    name: 'blocks question',
    seeds: [
      encodeControl({ ref: 'org/model:q4' }),
      encodeControl({ file: cid, from: 8 }),
      encodeControl({ cid }),
      encodeControl({ ...stated, sha256: list.sha256, bytes: list.bytes, since: 2 })
    ],
    mutate: mutatedControl,
    read: bytes => decodeControl(z.union([Find, OfFile, OfBlock, OfComing]), bytes)
  },
  {
    name: 'blocks share',
    seeds: [encodeControl({ ...stated, have: Uint8Array.of(3), lists: [sealedList] })],
    mutate: mutatedControl,
    read: bytes => decodeControl(Share, bytes)
  },
  {
    name: 'leaf list',
    seeds: [sealedList],
    mutate: (_bytes, random) =>
      sealRecord(LEAF_LIST, mutatedValue(structuredClone(list), random) as LeafList, key).then(
        ({ envelope }) => envelope,
        () => new Uint8Array()
      ),
    read: openLeafList
  },
  {
    name: 'leaf list content',
    seeds: [encodeControl(list)],
    mutate: mutatedControl,
    read: bytes => decodeControl(LeafList, bytes)
  },
  {
    name: 'blocks found',
    seeds: [encodeControl({ bytes: 9 }), encodeControl({ bytes: 9, bytesHave: 3, bytesTotal: 7 })],
    mutate: mutatedControl,
    read: bytes => decodeControl(Found, bytes)
  },
  {
    name: 'weights held',
    seeds: [
      encodeHeld([repository], true)!,
      encodeHeld([repository], false, {
        room: 2 ** 40,
        wanted: [{ cid, name: 'tiny', bytes: 9, copies: 2, atMs: 1 }]
      })!
    ],
    mutate: mutatedControl,
    read: decodeHeld
  },
  {
    name: 'repository manifest',
    seeds: [envelope],
    mutate: (_bytes, random) =>
      sealRecord(
        REPOSITORY_MANIFEST,
        mutatedValue(structuredClone(repository), random) as Repository,
        key
      ).then(
        ({ envelope }) => envelope,
        () => new Uint8Array()
      ),
    read: openRepositoryManifest
  },
  {
    name: 'repository manifest content',
    seeds: [encodeControl(repository)],
    mutate: mutatedControl,
    read: bytes => decodeControl(Repository, bytes)
  }
]
