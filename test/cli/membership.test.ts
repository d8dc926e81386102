/** Devices that come and go, as their owner types it: real nodes as processes. */

import assert from 'node:assert/strict'
import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'vitest'
import { runCli } from './run-cli.ts'
import { startNode, temporaryHome } from './started-node.ts'

/** What `join` starts by itself finds no other node of this machine, and no port taken. */
const ALONE = {
  LUMOS_SWARM__PORT: '0',
  LUMOS_SWARM__HOST: '127.0.0.1',
  LUMOS_SWARM__MDNS: 'false',
  LUMOS_GATEWAY__PORT: '0',
  LUMOS_MODELS__BUILTIN: 'false'
}

describe('membership on the command line', () => {
  it('invites by file, joins without a node running, lists, renames, revokes and leaves', async () => {
    await using den = await startNode(await temporaryHome(), ['--name', 'den', '--mesh', 'flat'], {
      env: ALONE
    })
    const home = await temporaryHome()
    const onDen = (...args: string[]) => runCli(args, { home: den.home })
    const onAttic = (...args: string[]) => runCli(args, { home, env: ALONE })
    const asJson = async (run: Promise<{ stdout: string; stderr: string }>) => {
      const { stdout, stderr } = await run
      assert.notEqual(stdout, '', stderr)
      return JSON.parse(stdout)
    }
    try {
      const path = join(den.home, 'invite.txt')
      const invited = await onDen('invite', '--file', path)
      assert.equal(invited.code, 0, invited.stderr)
      assert.ok(!invited.stdout.includes('lumos:'))
      assert.equal((await stat(path)).mode & 0o777, 0o600)

      const joined = await onAttic('join', `@${path}`, '--name', 'attic')
      assert.equal(joined.code, 0, joined.stderr)
      assert.match(joined.stdout, /This device is attic in the mesh "flat" now, as member\./)
      assert.match(joined.stderr, /Started a node in the background/)
      assert.equal((await onAttic('join', `@${path}`)).code, 5)

      const { items } = await asJson(onDen('members', '--json'))
      assert.deepEqual(
        items.map(({ name, role, self }: { name: string; role: string; self: boolean }) => [
          name,
          role,
          self
        ]),
        [
          ['attic', 'member', false],
          ['den', 'admin', true]
        ]
      )
      const shown = await onDen('mesh', 'show')
      assert.match(shown.stdout, /root key +on this device/)
      assert.match(shown.stdout, /Only one device is an admin/)
      assert.equal((await onAttic('invite')).code, 5)
      assert.equal((await asJson(onDen('mesh', 'rename', 'house', '--json'))).name, 'house')

      assert.equal((await onDen('revoke', 'nobody', '--yes')).code, 4)
      assert.equal((await onDen('revoke', 'attic')).code, 2)
      assert.equal((await onDen('revoke', 'attic', '--yes')).code, 0)
      assert.equal((await asJson(onDen('members', '--json'))).items.length, 1)
      const left = await asJson(onAttic('leave', '--yes', '--json'))
      assert.deepEqual([left.role, left.members, left.holdsRoot], ['admin', 1, true])
    } finally {
      await onAttic('stop')
      await rm(home, { recursive: true, force: true })
    }
  })

  it('prints a code that is refused when a character is wrong', async () => {
    await using den = await startNode(await temporaryHome(), [], { env: ALONE })
    const { stdout, stderr } = await runCli(['invite', '--json', '--qr'], { home: den.home })
    const { code, role } = JSON.parse(stdout)
    assert.equal(role, 'member')
    assert.match(stderr, /[▀▄█]{10}/)
    const wrong = code.slice(0, -1) + (code.endsWith('a') ? 'b' : 'a')
    const refused = await runCli(['join', wrong], { home: den.home })
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /not copied right.*\(E_INVITE_INVALID\)/)
    assert.equal((await runCli(['join'], { home: den.home })).code, 2)
  })

  it('gives the root key out and takes it back', async () => {
    await using den = await startNode(await temporaryHome(), [], { env: ALONE })
    const cli = (...args: string[]) => runCli(args, { home: den.home })
    const path = join(den.home, 'root.txt')
    assert.equal((await cli('mesh', 'export', '--remove', '--file', path)).code, 2)
    assert.equal((await cli('mesh', 'export', '--remove', '--yes', '--file', path)).code, 0)
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    assert.equal((await cli('mesh', 'export')).code, 5)
    assert.equal((await cli('invite', '--role', 'admin')).code, 5)
    const imported = await cli('mesh', 'import', `@${path}`, '--yes', '--json')
    assert.equal(JSON.parse(imported.stdout).holdsRoot, true)
    assert.equal((await cli('invite', '--role', 'admin')).code, 0)
  })
})
