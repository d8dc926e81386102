/** A process that is killed at each step of pairing: each side that comes back is whole, in one mesh or the other. */

import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { describe, it } from 'vitest'
import { createLumosNode } from '../../node/create-node.ts'
import { ALONE, meets, temporaryHome } from '../node/mesh-nodes.ts'
import type { Orders, Step, When } from './dying-node.ts'

const PROGRAM = fileURLToPath(new URL('./dying-node.ts', import.meta.url))

async function start(orders: Orders) {
  const child = fork(PROGRAM, [JSON.stringify(orders)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  assert.deepEqual((await once(child, 'message'))[0], 'ready')
  const exited = once(child, 'exit')
  return {
    exited,
    invite: async (): Promise<string> => {
      child.send('invite')
      return (await once(child, 'message'))[0]
    },
    join: (code: string) => child.send(code),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await exited
    }
  }
}

async function open(home: string, name: string, peers: readonly string[] = []) {
  const node = await createLumosNode({ home, settings: { ...ALONE, name, 'swarm.peers': peers } })
  await node.start()
  return node
}

/** Pairs a process that dies with a node of this one, which restarts, too; then looks at what both remember, and pairs them for good. */
async function dies(dying: 'den' | 'attic', step: Step, when: When): Promise<boolean> {
  const homes = { den: await temporaryHome(), attic: await temporaryHome() }
  try {
    {
      const other = dying === 'den' ? 'attic' : 'den'
      const started = await Promise.all([
        start({ home: homes[dying], name: dying, step, when }),
        open(homes[other], other)
      ])
      await using victim = started[0]
      await using survivor = started[1]
      if (dying === 'attic') victim.join(survivor.mesh.invite().code)
      else await assert.rejects(survivor.mesh.join(await victim.invite()))
      assert.deepEqual(await victim.exited, [null, 'SIGKILL'])
    }
    await using den = await open(homes.den, 'den')
    await using attic = await open(homes.attic, 'attic', den.status().addresses)
    assert.equal(den.mesh.info().role, 'admin')

    const isMember = attic.status().meshId === den.status().meshId
    // Whole, there or here: a member who meets the others, or the admin of a mesh of its own.
    const { role, holdsRoot } = attic.mesh.info()
    assert.deepEqual([role, holdsRoot], isMember ? ['member', false] : ['admin', true])
    if (!isMember) await attic.mesh.join(den.mesh.invite().code)
    await Promise.all([meets(den, attic), meets(attic, den)])
    assert.deepEqual(
      den.mesh.members().map(({ name }) => name),
      ['attic', 'den']
    )
    return isMember
  } finally {
    await Promise.all(Object.values(homes).map(home => rm(home, { recursive: true, force: true })))
  }
}

describe('a kill -9 while pairing', () => {
  const onInviter = ['burnInvite', 'storeMember'] as const
  const onDevice = ['enter', 'remove'] as const

  for (const when of ['before', 'after'] as const) {
    for (const step of onInviter) {
      it(`of the inviter, ${when} ${step}, leaves no half member`, async () => {
        assert.equal(await dies('den', step, when), false)
      })
    }
    for (const step of onDevice) {
      it(`of the device, ${when} ${step}, leaves no half member`, async () => {
        assert.equal(await dies('attic', step, when), step !== 'enter' || when === 'after')
      })
    }
  }
})
