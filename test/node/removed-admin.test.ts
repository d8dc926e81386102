import { describe, expect, it } from 'vitest'
import { LumosError } from '../../interface/errors.ts'
import { rootKeyFromText } from '../../node/membership/root-key.ts'
import { FRAME, HELLO_PROTOCOL } from '../../protocols/hello/codec.ts'
import { openRevocation } from '../../protocols/membership/index.ts'
import { encodeRevocation, pullRevocations, REVOCATION_PROTOCOL } from '../../protocols/revocation/index.ts'
import { encodeError } from '../../protocols/wire/errors.ts'
import { FrameStream } from '../../protocols/wire/frames.ts'
import { device, revocation } from '../membership/mesh-keys.ts'
import { HostilePeer, listeningLog } from './hostile-peer.ts'
import { startNode, until } from './mesh-nodes.ts'

describe('an admin that was removed', () => {
  it('cannot take back what it said: the root says it, too', async () => {
    await using node = await startNode('node')
    await using ally = await startNode('ally', [node], { role: 'admin' })
    await using friend = await startNode('friend', [node])
    await until(ally, 'mesh.member_joined', () => ally.mesh.members().length === 3)
    const heard = until(node, 'mesh.member_revoked', data => data?.peerId === friend.peerId)
    await ally.mesh.revoke('friend')
    await heard
    await node.mesh.revoke('ally')

    await using peer = await HostilePeer.member(node)
    const connection = await peer.dial(node)
    await peer.hello(connection, await peer.sealed({ capabilities: [] }))
    const issuers: string[] = []
    for await (const { envelope } of pullRevocations(await connection.newStream(REVOCATION_PROTOCOL))) {
      const { subject, issuer } = (await openRevocation(envelope)).value
      if (subject === friend.peerId) issuers.push(issuer)
    }
    expect(issuers.sort()).toEqual([node.status().meshId, ally.peerId].sort())
  })

  it('removes nobody more by way of a stranger that refuses a hello', async () => {
    const heard = listeningLog()
    await using node = await startNode('node', [], { log: heard.log })
    await using friend = await startNode('friend', [node])
    const mesh = { id: node.status().meshId, key: await rootKeyFromText(node.mesh.exportRoot()) }
    const admin = await device()
    await node.admit({ subject: admin.id, role: 'admin', name: 'turned' })
    const subject = { ...admin, id: friend.peerId }
    const proof = encodeRevocation(await revocation({ mesh, issuer: admin, subject }))
    await node.mesh.revoke(admin.id)
    const removed = until(node, 'mesh.member_revoked', data => data?.peerId === friend.peerId)

    await using stranger = await HostilePeer.stranger(node)
    const connection = await stranger.dial(node)
    const frames = new FrameStream(await connection.newStream(HELLO_PROTOCOL))
    await frames.write(FRAME.refuse, encodeError(new LumosError('PEER_REVOKED', 'gone')))
    await frames.write(FRAME.proof, proof)

    const refused = heard.saw('CERTIFICATE_INVALID')
    expect(await Promise.race([removed.then(() => 'removed'), refused.then(() => 'refused')])).toBe('refused')
    expect(node.mesh.members().map(({ peerId }) => peerId)).toContain(friend.peerId)
  })
})
