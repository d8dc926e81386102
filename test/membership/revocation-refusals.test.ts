import { expect, it } from 'vitest'
import type { Guard } from '../../node/membership/guard.ts'
import type { Members } from '../../node/membership/members.ts'
import { RevocationSync } from '../../node/membership/revocation-sync.ts'
import type { MeshLibp2p } from '../../node/network/libp2p.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'
import { memoryLog } from '../capabilities/parts.ts'

it('a peer that shows what is no revocation over and over costs one line a minute, and hides no other peer', async () => {
  const clock = new ManualClock()
  const log = memoryLog()
  const sync = new RevocationSync({
    ...{ libp2p: {} as MeshLibp2p, members: {} as Members, guard: {} as Guard },
    ...{ clock, random: () => 0.5, log }
  })
  for (let i = 0; i < 100; i++) await sync.learn(Uint8Array.of(i), 'liar')
  await sync.learn(Uint8Array.of(0), 'another')
  clock.advance(60_000)
  await sync.learn(Uint8Array.of(0), 'liar')
  expect(log.lines.map(({ fields }) => fields.peerId)).toEqual(['liar', 'another', 'liar'])
})
