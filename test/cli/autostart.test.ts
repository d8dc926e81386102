/** What the system is given to start a node by itself, and the commands around it with a stand-in for systemd. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, it, vi } from 'vitest'
import type { Target } from '../../cli/commands/autostart/plan.ts'
import { planFor } from '../../cli/commands/autostart/plans.ts'
import { readRunFile } from '../../storage/home/run-file.ts'
import { runCli } from './run-cli.ts'

/** A machine that does much else starts each command in seconds. */
vi.setConfig({ testTimeout: 120_000 })

const TARGET: Target = {
  node: '/opt/node 24/bin/node',
  script: '/opt/lumos/cli/lumos-node.cjs',
  home: '/home/me/50% $HOME "den" & co',
  name: 'lumos-node-1234abcd',
  system: false,
  user: 'me',
  uid: 1000,
  userHome: '/home/me',
  configHome: '/home/me/.config'
}

/** The standard library of Python parses both. */
const PARSE = `
import json, plistlib, sys
import xml.etree.ElementTree as tree
with open(sys.argv[1] + '/plist', 'rb') as file: plist = plistlib.load(file)
task = tree.parse(sys.argv[1] + '/task')
print(json.dumps({'plist': plist, 'args': task.find('.//{*}Exec/{*}Arguments').text}))`

describe('the text for each system', () => {
  it('is a unit for systemd, whose values mean what they say', () => {
    const { path, text } = planFor('linux', TARGET)
    assert.equal(path, '/home/me/.config/systemd/user/lumos-node-1234abcd.service')
    assert.equal(
      text,
      `# Made by: lumos-node autostart install
[Unit]
Description=The node of /home/me/50%% $HOME "den" & co

[Service]
ExecStart="/opt/node 24/bin/node" "/opt/lumos/cli/lumos-node.cjs" "start" "--home=/home/me/50%% $$HOME \\"den\\" & co"
# Its memory has keys.
LimitCORE=0
Restart=on-failure
RestartSec=5
RestartPreventExitStatus=5 8
# The node lets answers under way end, and then ends its engines.
KillMode=mixed
TimeoutStopSec=20
# An engine that takes too much memory costs that engine.
OOMPolicy=continue

[Install]
WantedBy=default.target
`
    )
    const system = planFor('linux', { ...TARGET, system: true })
    assert.equal(system.path, '/etc/systemd/system/lumos-node-1234abcd.service')
    assert.match(system.text, /\nUser=me\nProtectSystem=full\nNoNewPrivileges=yes\n/)
    assert.match(system.text, /\nAfter=network-online\.target\n/)
    assert.match(system.text, /\nWantedBy=multi-user\.target\n/)
    assert.ok(system.enable.every(step => !step.includes('--user')))
  })

  it('leaves a bubblewrap with the setuid bit its rights, without which engines have no sandbox', () => {
    const unit = (more: Partial<Target>) => planFor('linux', { ...TARGET, system: true, ...more }).text
    const kept = unit({ setuidSandbox: true })
    assert.match(kept, /\nUser=me\nProtectSystem=full\n# bubblewrap has the setuid bit/)
    assert.doesNotMatch(kept, /^(NoNewPrivileges|Restrict|Lock|ProtectKernel)/m)
    assert.match(unit({ setuidSandbox: true, user: 'root' }), /^NoNewPrivileges=yes$/m)
  })

  it('is a property list for launchd', () => {
    const { path, text } = planFor('darwin', TARGET)
    assert.equal(path, '/home/me/Library/LaunchAgents/lumos-node-1234abcd.plist')
    assert.match(text, /<key>Label<\/key><string>lumos-node-1234abcd<\/string>/)
    assert.deepEqual(
      [...text.matchAll(/^ {4}<string>(.*)<\/string>$/gm)].map(([, part]) => part),
      [TARGET.node, TARGET.script, 'start', '--home=/home/me/50% $HOME &quot;den&quot; &amp; co']
    )
    assert.match(text, /<key>RunAtLoad<\/key><true\/>/)
    assert.match(text, /<key>HardResourceLimits<\/key><dict><key>Core<\/key><integer>0<\/integer><\/dict>/)
    assert.match(text, /<key>KeepAlive<\/key><dict><key>SuccessfulExit<\/key><false\/><\/dict>/)
    const daemon = planFor('darwin', { ...TARGET, system: true })
    assert.equal(daemon.path, '/Library/LaunchDaemons/lumos-node-1234abcd.plist')
    assert.match(daemon.text, /<key>UserName<\/key><string>me<\/string>/)
  })

  it('is a task for Windows, in the encoding that schtasks reads', () => {
    const home = 'C:\\Users\\me\\den & co\\'
    const { path, text, encoding, enable, nodeGoesOn } = planFor('win32', { ...TARGET, home, user: 'PC\\me' })
    assert.equal(path, 'C:\\Users\\me\\den & co\\autostart.xml')
    assert.deepEqual([encoding, text[0], nodeGoesOn], ['utf16le', '\ufeff', true])
    assert.match(text, /<LogonTrigger><UserId>PC\\me<\/UserId><\/LogonTrigger>/)
    assert.ok(text.includes('<ExecutionTimeLimit>PT0S</ExecutionTimeLimit>'))
    assert.ok(
      text.includes(
        '<Arguments>--headless &quot;/opt/node 24/bin/node&quot; &quot;/opt/lumos/cli/lumos-node.cjs&quot; &quot;start&quot; &quot;--home=C:\\Users\\me\\den &amp; co\\\\&quot;</Arguments>'
      )
    )
    assert.deepEqual(enable[0]!.slice(0, 5), ['schtasks', '/Create', '/F', '/TN', TARGET.name])
    assert.throws(() => planFor('win32', { ...TARGET, system: true }), { code: 'USAGE' })
  })

  it('says the same to a parser of property lists and of XML, in all letters', async context => {
    const home = `/home/me/日本 é & <"den">/it's`
    const command = [TARGET.node, TARGET.script, 'start', `--home=${home}`]
    const folder = await mkdtemp(join(tmpdir(), 'lumos-xml-'))
    try {
      for (const [platform, name] of [
        ['darwin', 'plist'],
        ['win32', 'task']
      ] as const) {
        const { text, encoding = 'utf8' } = planFor(platform, { ...TARGET, home })
        await writeFile(join(folder, name), text, encoding)
      }
      const parsed = await promisify(execFile)('python3', ['-c', PARSE, folder]).catch(err => {
        if (err.code !== 'ENOENT') throw err
        return context.skip('python3 is not installed: nothing was parsed')
      })
      const { plist, args } = JSON.parse(parsed.stdout)
      assert.deepEqual(plist.ProgramArguments, command)
      assert.deepEqual([plist.RunAtLoad, plist.KeepAlive], [true, { SuccessfulExit: false }])
      assert.equal(args, ['--headless', ...command.map(part => `"${part.replaceAll('"', '\\"')}"`)].join(' '))
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('refuses paths that no format can hold, and systems that nothing is known of', () => {
    assert.throws(() => planFor('linux', { ...TARGET, home: '/home/a\nb' }), { code: 'CONFIG_INVALID' })
    assert.throws(() => planFor('aix', TARGET), { code: 'USAGE' })
  })

  it.for([false, true])('is valid for systemd itself, with system %s', async (system, context) => {
    const verify = promisify(execFile)
    const folder = await mkdtemp(join(tmpdir(), 'lumos-unit-'))
    try {
      await verify('systemd-analyze', ['--version']).catch(() =>
        context.skip('systemd-analyze is not installed: the unit was not verified')
      )
      const plan = planFor('linux', { ...TARGET, node: process.execPath, user: 'root', system })
      const path = join(folder, plan.name)
      await writeFile(path, plan.text, { mode: 0o644 })
      const env = { ...process.env, XDG_RUNTIME_DIR: folder }
      const { stderr } = await verify('systemd-analyze', [...(system ? [] : ['--user']), 'verify', path], {
        env
      })
      assert.equal(stderr, '')
      await writeFile(path, plan.text.replace('KillMode=mixed', 'KillMode=never'), { mode: 0o644 })
      const broken = await verify('systemd-analyze', ['--user', 'verify', path], { env }).catch(err => err)
      assert.match(broken.stderr, /kill mode/)
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

/** Does what systemd does with one unit of a user, and writes down what it was asked. */
const SYSTEMCTL = `#!/bin/sh
echo "$*" >>"$FAKE/calls"
[ "$1" = --user ] && shift
[ -e "$FAKE/down" ] && { echo "Failed to connect to bus: No medium found" >&2; exit 1; }
for last; do :; done
alive() { kill -0 "$(cat "$FAKE/pid" 2>/dev/null)" 2>/dev/null; }
case "$1 $2" in
'show --property=Version') echo Version=252 ;;
'show '*) [ -e "$FAKE/enabled" ] && echo UnitFileState=enabled; alive && echo ActiveState=active; exit 0 ;;
'enable '*)
  [ -e "$FAKE/refuses" ] && { echo "Failed to enable unit: no." >&2; exit 1; }
  touch "$FAKE/enabled"
  alive || { sh -c "exec $(sed -n s/^ExecStart=//p "$XDG_CONFIG_HOME/systemd/user/$last")" >/dev/null 2>&1 & echo $! >"$FAKE/pid"; } ;;
'disable '*) rm -f "$FAKE/enabled"; alive && kill "$(cat "$FAKE/pid")"; while alive; do sleep 0.05; done; exit 0 ;;
esac
`

const NO_SETTING = { LUMOS_SERVING__YIELD: undefined } as unknown as Record<string, string>

async function fakeSystemd() {
  const fake = await mkdtemp(join(tmpdir(), 'lumos-autostart-'))
  const home = join(fake, 'a home')
  await mkdir(home)
  await writeFile(join(home, 'lumos.yaml'), 'swarm: { port: 0, mdns: false }\ngateway: { port: 0 }\n')
  await writeFile(join(fake, 'systemctl'), SYSTEMCTL)
  await chmod(join(fake, 'systemctl'), 0o755)
  const env = { FAKE: fake, XDG_CONFIG_HOME: join(fake, 'config'), PATH: `${fake}:${process.env.PATH}` }
  const run = async (args: readonly string[], more: Record<string, string> = {}) =>
    // A setting of the terminal alone, which every other test has, would be refused.
    runCli(['autostart', ...args, '--json'], { home, env: { ...env, ...NO_SETTING, ...more } })
  return {
    fake,
    home,
    run,
    ask: async (args: readonly string[]) => JSON.parse((await run(args)).stdout),
    calls: async () => (await readFile(join(fake, 'calls'), 'utf8')).trim().split('\n'),
    async [Symbol.asyncDispose]() {
      if (existsSync(join(fake, 'enabled'))) await run(['remove'])
      await rm(fake, { recursive: true })
    }
  }
}

describe.runIf(process.platform === 'linux')('autostart', () => {
  it('starts a node of this home, says so, and leaves nothing when it is removed', async () => {
    await using systemd = await fakeSystemd()
    const { home, run, ask } = systemd
    const installed = await ask(['install'])
    assert.deepEqual([installed.event, installed.kind, installed.home], ['installed', 'systemd-user', home])
    assert.deepEqual([installed.changed, (await ask(['install'])).changed], [true, false])
    await writeFile(installed.path, `${await readFile(installed.path, 'utf8')}# of an older version\n`)
    const item = { kind: 'systemd-user', name: installed.name, path: installed.path, current: false }
    assert.deepEqual(await ask(['status']), { home, items: [{ ...item, enabled: true, running: true }] })

    const { code } = await run(['remove'])
    assert.deepEqual(
      [code, existsSync(installed.path), existsSync(join(systemd.fake, 'enabled'))],
      [0, false, false]
    )
    assert.deepEqual(await ask(['status']), { home, items: [] })
    assert.equal(readRunFile(home), undefined)
    assert.equal((await systemd.calls()).at(-1), '--user daemon-reload')
  })

  it('prints what it would write, and writes nothing', async () => {
    await using systemd = await fakeSystemd()
    const { path, text } = await systemd.ask(['install', '--print'])
    assert.ok(text.includes(`"--home=${systemd.home}"`))
    assert.ok(text.includes('lumos-node.cjs" "start"'))
    assert.ok(!existsSync(path))
    await assert.rejects(systemd.calls(), { code: 'ENOENT' })
    assert.match((await systemd.ask(['install', '--print', '--system'])).path, /^\/etc\/systemd\/system\//)
  })

  it('takes back what it wrote when the system refuses, and says what the system said', async () => {
    await using systemd = await fakeSystemd()
    await writeFile(join(systemd.fake, 'refuses'), '')
    const refused = await systemd.run(['install'])
    assert.equal(refused.code, 1)
    const { error } = JSON.parse(refused.stderr)
    assert.equal(error.code, 'AUTOSTART_FAILED')
    assert.match(error.message, /refused "systemctl --user enable .*": Failed to enable unit: no\.$/)
    assert.deepEqual((await systemd.ask(['status'])).items, [])

    await writeFile(join(systemd.fake, 'down'), '')
    const down = JSON.parse((await systemd.run(['install'])).stderr).error
    assert.match(down.message, /No medium found\.$/)
    assert.match(down.hint, /autostart install --system/)
    await rm(join(systemd.fake, 'down'))
    const absent = JSON.parse((await systemd.run(['install'], { PATH: '/nonexistent' })).stderr).error
    assert.equal(absent.message, 'This system has no systemctl.')
    assert.match(absent.hint, /^Have the system run: \S+node \S+lumos-node\.cjs start '--home=.*a home'$/)
  })

  it('refuses what would start in this terminal only', async () => {
    await using systemd = await fakeSystemd()
    const env = await systemd.run(['install'], { LUMOS_GATEWAY__PORT: '7000' })
    assert.equal(env.code, 8)
    assert.match(JSON.parse(env.stderr).error.hint, /^Write gateway\.port into .*lumos\.yaml/)
    await writeFile(join(systemd.home, 'identity.key'), 'LUMOSKEY and more')
    assert.equal((await systemd.run(['install'])).code, 5)
    await writeFile(join(systemd.home, 'lumos.yaml'), 'nmae: den\n')
    assert.equal((await systemd.run(['install'])).code, 8)
  })
})
