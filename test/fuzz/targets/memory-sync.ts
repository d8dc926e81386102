/** What reads the messages of `/lumos/memory/1`. */

import * as z from 'zod'
import {
  Charters,
  CheckpointOf,
  decodeHave,
  decodeOffer,
  decodeWant,
  Envelopes,
  encodeHave,
  encodeOffer,
  encodeWant,
  Need,
  OfSpace,
  Pieces
} from '../../../protocols/memory/messages.ts'
import { decodeControl, encodeControl } from '../../../protocols/wire/control.ts'
import { mutatedControl } from '../structure.ts'
import type { Target } from '../target.ts'

const space = 'a'.repeat(26)
const hash = 'ab'.repeat(32)
const bytes = new Uint8Array(9).fill(7)
const head = {
  writer: { device: '12D3KooWQYV9dGMFoRzNStwpXztXaBUjtPqi6aU76ZgUriHhKust', life: '0123456789ab' },
  seq: 7,
  hash: new Uint8Array(32)
}
const offer = { space, version: 2, charter: hash, digest: hash, content: hash, checkpoint: 1 }

export const MEMORY_SYNC_TARGETS: readonly Target[] = [
  {
    name: 'memory offer',
    seeds: [encodeOffer(offer), encodeOffer({ ...offer, content: null })],
    mutate: mutatedControl,
    read: decodeOffer,
    encode: value => encodeOffer(value as never)
  },
  {
    name: 'memory want',
    seeds: [encodeWant({ space, version: 0, checkpoint: 0, heads: [head, head] })],
    mutate: mutatedControl,
    read: decodeWant,
    encode: value => encodeWant(value as never)
  },
  {
    name: 'memory have',
    seeds: [encodeHave({ space, heads: [head] })],
    mutate: mutatedControl,
    read: decodeHave,
    encode: value => encodeHave(value as never)
  },
  {
    name: 'memory frames',
    seeds: [
      encodeControl({ space, records: [bytes], key: bytes, last: true }),
      encodeControl({ space, record: bytes }),
      encodeControl({ space, pieces: [bytes] }),
      encodeControl({ space, pieces: [new Uint8Array(32)] }),
      encodeControl({ space, envelopes: [bytes, bytes] }),
      encodeControl({ space })
    ],
    mutate: mutatedControl,
    read: body => decodeControl(z.union([Charters, CheckpointOf, Pieces, Need, Envelopes, OfSpace]), body)
  }
]
