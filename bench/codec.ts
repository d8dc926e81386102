/** What a node computes for each message, in one process: control bodies, and manifests with their signatures. */

import { generateKeyPairSync, sign, verify } from 'node:crypto'
import * as dagCbor from '@ipld/dag-cbor'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { systemClock } from '../interface/clock.ts'
import type { Manifest } from '../interface/manifest.ts'
import { foundMesh } from '../node/membership/authority.ts'
import { openManifest, sealManifest } from '../protocols/manifest/index.ts'
import { decode } from '../protocols/wire/cbor/decode.ts'
import { encode } from '../protocols/wire/cbor/encode.ts'
import { type Bench, type BenchOptions, rateTable, takeTurns } from './harness.ts'
import type { BenchTable } from './table.ts'

const ROUNDS = 15
const ROUND_MS = { thorough: 150, quick: 20 }
/** The clock is asked once for so many. */
const BATCH = 50

const DAG_CBOR = '@ipld/dag-cbor'
const SIGNATURE = 'one Ed25519 signature checked, by OpenSSL'

/** What goes before the data of a small call. */
const CONTROL = {
  id: 'b6f7a1a2-51a5-4f67-9d0c-0a8e8a1f2c11',
  task: 'tensor',
  model: 'digits-cnn',
  input: { tensors: { image: { type: 'float32', dims: [1, 1, 8, 8] } } },
  params: {},
  budgetMs: 60_000
}

export const bench: Bench = async options => {
  const encoded = encode(CONTROL)
  const manifest = await exampleManifest()
  const { envelope } = manifest.signed
  const keys = generateKeyPairSync('ed25519')
  const signature = sign(null, envelope, keys.privateKey)
  return [
    await turns('A control body encoded', options, DAG_CBOR, {
      lumos: () => encode(CONTROL),
      [DAG_CBOR]: () => dagCbor.encode(CONTROL)
    }),
    await turns('A control body decoded', options, DAG_CBOR, {
      lumos: () => decode(encoded),
      [DAG_CBOR]: () => dagCbor.decode(encoded)
    }),
    await turns(`A manifest of ${envelope.byteLength} bytes`, options, SIGNATURE, {
      'signed and sealed': () => sealManifest(manifest.signed.manifest, manifest.key),
      'opened and checked': () => openManifest(envelope),
      [SIGNATURE]: () => verify(null, envelope, keys.publicKey, signature)
    })
  ]
}

async function turns(
  title: string,
  options: BenchOptions,
  reference: string,
  work: Readonly<Record<string, () => unknown>>
): Promise<BenchTable> {
  const roundMs = options.quick ? ROUND_MS.quick : ROUND_MS.thorough
  const variants = Object.entries(work).map(([name, task]) => ({ name, round: () => repeat(task, roundMs) }))
  const measured = await takeTurns(variants, { rounds: ROUNDS, ...options })
  return rateTable(title, measured, { unit: 'times', references: [reference] })
}

async function repeat(task: () => unknown, roundMs: number): Promise<{ amount: number; ms: number }> {
  const beganMs = performance.now()
  let [amount, ms] = [0, 0]
  while (ms < roundMs) {
    for (let i = 0; i < BATCH; i++) {
      const done = task()
      // What is synchronous is not made to wait for a turn.
      if (done instanceof Promise) await done
    }
    amount += BATCH
    ms = performance.now() - beganMs
  }
  return { amount, ms }
}

/** As a device with eight models says it. */
async function exampleManifest() {
  const [root, key] = [await generateKeyPair('Ed25519'), await generateKeyPair('Ed25519')]
  const peerId = peerIdFromPrivateKey(key).toString()
  const { chain } = await foundMesh({ subject: peerId, name: 'bench' }, 'bench', root, systemClock)
  const manifest: Manifest = {
    version: 1,
    peerId,
    epoch: 1,
    sequence: 1,
    ttlMs: 600_000,
    issuedAtMs: 1_700_000_000_000,
    name: 'bench',
    software: 'lumos-node/0',
    hardware: {
      platform: 'linux',
      arch: 'x64',
      cpu: 'A processor of some kind',
      cores: 8,
      memoryBytes: 16e9,
      accelerators: []
    },
    addresses: ['/ip4/192.168.1.20/tcp/5867', '/ip6/fe80::1/tcp/5867'],
    capabilities: Array.from({ length: 8 }, (_, i) => ({
      task: 'text-generation',
      model: `family-${i}:8b`,
      slots: 4,
      warm: i === 0
    })),
    certificates: [...chain]
  }
  return { key, signed: await sealManifest(manifest, key) }
}
