/** Devices that come and go, as their owner types it: real nodes as processes. */

import assert from 'node:assert/strict'
import { readFile, rm, stat } from 'node:fs/promises'
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

/** Each command is a process, and each test makes a dozen; on a busy machine one takes seconds. */
const PATIENCE_MS = 120_000

describe('membership on the command line', () => {
  it(
    'invites by file, joins without a node running, lists, renames, revokes and leaves',
    async () => {
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
        assert.deepEqual([left.role, left.members, left.holds_root], ['admin', 1, true])
      } finally {
        await onAttic('stop')
        await rm(home, { recursive: true, force: true })
      }
    },
    PATIENCE_MS
  )

  it(
    'prints a code that is refused when a character is wrong',
    async () => {
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
    },
    PATIENCE_MS
  )

  it(
    'gives the root key out and takes it back',
    async () => {
      await using den = await startNode(await temporaryHome(), [], { env: ALONE })
      const cli = (...args: string[]) => runCli(args, { home: den.home })
      const path = join(den.home, 'root.txt')
      assert.equal((await cli('mesh', 'export', '--remove', '--file', path)).code, 2)
      assert.equal((await cli('mesh', 'export', '--remove', '--yes', '--file', path)).code, 0)
      assert.equal((await stat(path)).mode & 0o777, 0o600)
      assert.equal((await cli('mesh', 'export')).code, 5)
      assert.equal((await cli('invite', '--role', 'admin')).code, 5)
      const key = (await readFile(path, 'utf8')).trim()
      for (const args of [[key], []]) {
        const refused = await cli('mesh', 'import', ...args, '--yes')
        assert.equal(refused.code, 2)
        assert.match(refused.stderr, /mesh import @FILE/)
        assert.ok(!refused.stderr.includes(key))
      }
      const imported = await cli('mesh', 'import', `@${path}`, '--yes', '--json')
      assert.equal(JSON.parse(imported.stdout).holds_root, true)
      assert.equal((await cli('invite', '--role', 'admin')).code, 0)
    },
    PATIENCE_MS
  )

  it(
    'promotes a member, and brings a device that was removed back as a new one',
    async () => {
      await using den = await startNode(await temporaryHome(), ['--name', 'den'], { env: ALONE })
      await using attic = await startNode(await temporaryHome(), ['--name', 'attic'], { env: ALONE })
      const onDen = (...args: string[]) => runCli(args, { home: den.home })
      const onAttic = (...args: string[]) => runCli(args, { home: attic.home })
      const code = async () => JSON.parse((await onDen('invite', '--json')).stdout).code
      assert.equal((await onAttic('join', await code())).code, 0)

      assert.equal((await onDen('promote', 'attic')).code, 2)
      const promoted = await onDen('promote', 'attic', '--yes')
      assert.deepEqual([promoted.code, promoted.stderr], [0, ''])
      assert.match(promoted.stdout, /^attic (is an admin of the mesh now|.* once it has met this device)/)
      assert.equal((await onDen('promote', 'nobody', '--yes')).code, 4)
      assert.equal((await onAttic('promote', 'den', '--yes')).code, 5)

      assert.equal((await onDen('revoke', 'attic', '--yes')).code, 0)
      // As soon as it has heard of it.
      while (!/removed from the mesh.*leave --new-identity/.test((await onAttic('status')).stdout));
      const out = await onAttic('leave', '--yes')
      assert.deepEqual([out.code, /list it as away/.test(out.stdout)], [0, false])
      const refused = await onAttic('join', await code())
      assert.equal(refused.code, 5, refused.stderr)
      assert.match(refused.stderr, /was removed from the mesh.*leave --new-identity.*\(E_PEER_REVOKED\)/s)
      assert.equal((await onAttic('leave', '--new-identity', '--yes')).code, 0)
      const status = JSON.parse((await onAttic('status', '--json')).stdout)
      assert.notEqual(status.peer_id, attic.ready.peer_id)
      assert.equal((await onAttic('join', await code())).code, 0)
      const { stdout } = await onAttic('leave', '--yes')
      assert.match(stdout, /list it as away until an admin of theirs removes it: lumos-node revoke attic/)
    },
    PATIENCE_MS
  )

  it(
    'joins a mesh nearby: one object with --json, each step with --jsonl',
    async () => {
      await using den = await startNode(await temporaryHome(), ['--name', 'den', '--mesh', 'flat'], {
        env: ALONE
      })
      const near = { env: { ...ALONE, LUMOS_SWARM__PEERS: JSON.stringify(den.ready.addresses) } }
      for (const [name, flag] of [
        ['attic', '--json'],
        ['cellar', '--jsonl']
      ] as const) {
        await using device = await startNode(await temporaryHome(), ['--name', name], near)
        const on = (...args: string[]) => runCli(args, { home: device.home })
        const joining = on('join', '--nearby', flag)
        const asks = await runCli(['approve', '--json', '--wait', '20'], { home: den.home })
        const [{ phrase }] = JSON.parse(asks.stdout).items
        assert.equal((await runCli(['approve', name], { home: den.home })).code, 0)

        const { code, stdout, stderr } = await joining
        assert.equal(code, 0, stderr)
        assert.match((await on('peers')).stdout, /den/)
        const lines = stdout
          .trim()
          .split('\n')
          .map(line => JSON.parse(line))
        const events = lines.map(({ event, mesh, phrase }) => [event, mesh, phrase])
        if (flag === '--json') {
          assert.deepEqual(events, [['joined', 'flat', phrase]])
          // Whoever compares must see it before.
          assert.ok(stderr.includes(phrase))
        } else {
          assert.deepEqual(events, [
            ['found', 'flat', undefined],
            ['asking', 'flat', phrase],
            ['joined', 'flat', phrase]
          ])
        }
      }
    },
    PATIENCE_MS
  )
})
