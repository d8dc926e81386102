/** The checks that stand before each request of a peer, as a node makes them: a mesh in which everyone is a member. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { systemClock as clock } from '../interface/clock.ts'
import type { Logger } from '../interface/lifecycle.ts'
import { Authority, foundMesh } from '../node/membership/authority.ts'
import { Guard } from '../node/membership/guard.ts'
import { Members } from '../node/membership/members.ts'
import { ModelAccess } from '../node/membership/model-access.ts'
import type { InferenceHandlerComponents } from '../protocols/inference/served-stream.ts'
import { openDatabase } from '../storage/database/database.ts'
import { CORE_MIGRATIONS } from '../storage/database/schema.ts'
import { MeshStore } from '../storage/mesh/mesh-store.ts'

export interface MeshGuard {
  readonly guard: Guard
  readonly authorize: NonNullable<InferenceHandlerComponents['authorize']>
  admit(peerId: string): Promise<void>
}

export async function meshGuard(log: Logger): Promise<MeshGuard> {
  const [rootKey, deviceKey] = [await generateKeyPair('Ed25519'), await generateKeyPair('Ed25519')]
  const peerId = peerIdFromPrivateKey(deviceKey).toString()
  const own = await foundMesh({ subject: peerId, name: 'bench' }, 'bench', rootKey, clock)
  const dir = mkdtempSync(join(tmpdir(), 'lumos-bench-'))
  process.on('exit', () => rmSync(dir, { recursive: true, force: true }))
  const path = join(dir, 'core.db')
  const store = new MeshStore(openDatabase(path, { migrations: CORE_MIGRATIONS, synchronous: 'NORMAL' }))
  const ignore = () => {}
  const events = {
    onJoined: ignore,
    onRenamed: ignore,
    onRemoved: ignore,
    onRevoked: ignore,
    onRoomFull: ignore
  }
  const members = new Members(own, { store, clock, peerId, ...events })
  await members.load()
  const authority = new Authority({
    clock,
    mesh: own.id,
    deviceKey,
    rootKey,
    chain: () => members.own.chain,
    role: () => 'admin',
    mayRemoveMore: ignore,
    lastKnown: id => members.lastKnown(id)
  })
  const guard = new Guard({ clock, log, standing: id => members.standing(id) })
  const offers = new ModelAccess({ settings: { echo: { roles: ['member'] } }, modelsFor: () => ['echo'] })
  return {
    guard,
    authorize(id, request) {
      for (const access of offers.for(request)) guard.check(id, { kind: 'ask', access })
    },
    async admit(id) {
      await members.admit(id, await authority.issue({ subject: id, role: 'member', name: 'dialer' }))
    }
  }
}
