import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import type { Caller } from '../../interface/units.ts'
import { loadConfig } from '../../node/settings/config.ts'
import { SettingsFile } from '../../node/settings/settings-file.ts'
import { BY_PROGRAMS, configUnits } from '../../units/config.ts'
import { UnitRegistry } from '../../units/registry.ts'
import { callerWith, contextOf, OWNER } from '../units/callers.ts'

const YAML = `# Of the den.
name: den # by the window
models:
  # Not for long.
  keepAlive: 5m

gateway:
  # port: 1
`

function setUp(yaml?: string, env: Record<string, string> = {}) {
  const home = join(mkdtempSync(join(tmpdir(), 'lumos-config-')), 'home')
  onTestFinished(() => rmSync(join(home, '..'), { recursive: true }))
  const path = join(home, 'lumos.yaml')
  if (yaml !== undefined) {
    mkdirSync(home)
    writeFileSync(path, yaml)
  }
  const settings = new SettingsFile({ home, env })
  const units = new UnitRegistry()
  for (const unit of configUnits(settings)) units.register(unit)
  return { home, path, settings, units, text: () => readFileSync(path, 'utf8') }
}

it('writes a value as one types it, and keeps the comments and all other lines', async () => {
  const { settings, text } = setUp(YAML)
  expect(await settings.set('models.keepAlive', '10m')).toMatchObject({
    origin: expect.stringMatching(/lumos\.yaml:5$/)
  })
  expect(text()).toBe(YAML.replace('5m', '10m'))
  await settings.set('gateway.port', '1234')
  await settings.set('swarm.peers', '/ip4/10.0.0.2/tcp/5867, /ip4/10.0.0.3/tcp/5867')
  await settings.set('access', { brief: { roles: ['admin'] } })
  const { config } = await loadConfig({ home: settings.home, env: {} })
  expect([config.gateway.port, config.swarm.peers.length, config.access.brief?.roles]).toEqual([
    1234,
    2,
    ['admin']
  ])
  for (const words of ['# Of the den.', '# by the window', '# Not for long.', '# port: 1'])
    expect(text()).toContain(words)
  for (const key of ['gateway.port', 'swarm.peers', 'access', 'models.keepAlive', 'name'])
    await settings.unset(key)
  expect((await settings.list()).filter(({ origin }) => origin !== 'default')).toEqual([])
})

it('makes the file and its home where they are not, for their owner only', async () => {
  const { settings, path, home } = setUp()
  expect(await settings.set('name', 'den', { check: true })).toMatchObject({ value: 'den' })
  expect(existsSync(home)).toBe(false)
  expect(await settings.set('name', 'den')).toMatchObject({
    ...{ key: 'name', value: 'den', origin: `${path}:1`, waits: false }
  })
  if (process.platform !== 'win32')
    expect([statSync(path).mode & 0o777, statSync(home).mode & 0o777]).toEqual([0o600, 0o700])
  await settings.unset('name')
  await settings.unset('name')
})

it('says what each setting is for, which values it takes, and its default', async () => {
  const all = new Map((await setUp().settings.list()).map(setting => [setting.key, setting]))
  expect(all.get('gateway.port')).toMatchObject({
    ...{ kind: 'number', min: 0, max: 65_535, default: 5866, description: expect.stringContaining('port') }
  })
  expect(all.get('log.level')).toMatchObject({
    ...{ kind: 'choice', choices: ['debug', 'info', 'warn', 'error'], default: 'info' }
  })
  const kinds = ['models.keepAlive', 'weights.diskMax', 'keys.passphraseFile', 'swarm.mdns', 'access'].map(
    key => all.get(key)?.kind
  )
  expect(kinds).toEqual(['time', 'size', 'text', 'switch', 'table'])
  expect([...all.values()].filter(({ description }) => description === '')).toEqual([])
})

it('checks a value without writing it, for callers that may change it', async () => {
  const { units, text } = setUp(YAML)
  const check = (key: string, value: string) =>
    units.execute('config.set', { key, value, check: true }, contextOf(callerWith('manage')))
  expect(await check('models.keepAlive', '2h')).toMatchObject({ value: '2h' })
  await expect(check('models.keepAlive', 'soon')).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  await expect(check('gateway.host', '::')).rejects.toMatchObject({ code: 'DENIED' })
  expect(text()).toBe(YAML)
})

it('writes where a link leads, which stays', async () => {
  const { settings, path, home } = setUp('')
  rmSync(path)
  writeFileSync(join(home, 'dotfile.yaml'), 'name: den\n')
  symlinkSync(join(home, 'dotfile.yaml'), path)
  await settings.set('name', 'attic')
  expect(readFileSync(join(home, 'dotfile.yaml'), 'utf8')).toBe('name: attic\n')
})

it('changes nothing for a key or a value that a start would refuse', async () => {
  const { settings, text } = setUp(YAML)
  for (const [key, value, code] of [
    ['gateway.prot', '1', 'INVALID_INPUT'],
    ['gateway', '1', 'INVALID_INPUT'],
    ['gateway.port', '99999', 'CONFIG_INVALID'],
    ['gateway.port', { a: 1 }, 'CONFIG_INVALID'],
    ['models.keepAlive', 'soon', 'CONFIG_INVALID'],
    ['name', `a\nname: b`, 'CONFIG_INVALID'],
    ['__proto__', 'x', 'INVALID_INPUT'],
    ['models.directories', Array.from({ length: 65 }, (_, i) => `/m${i}`), 'CONFIG_INVALID']
  ] as const) {
    await expect(settings.set(key, value), key).rejects.toMatchObject({ code })
  }
  await expect(settings.unset('gateway.prot')).rejects.toMatchObject({ code: 'INVALID_INPUT' })
  expect(text()).toBe(YAML)
  const broken = setUp('name: [')
  await expect(broken.settings.set('name', 'a')).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  expect(broken.text()).toBe('name: [')
})

it('says what waits for a restart, and what a variable overrules', async () => {
  const { home } = setUp(YAML)
  const env = { LUMOS_GATEWAY__PORT: '7' }
  const running = await loadConfig({ home, env })
  const settings = new SettingsFile({ home, env, running, names: () => ({ name: 'den', mesh: 'house' }) })
  expect(await settings.set('gateway.port', 8)).toMatchObject({
    value: 7,
    origin: 'env LUMOS_GATEWAY__PORT',
    waits: false
  })
  expect(await settings.set('log.level', 'debug')).toMatchObject({ value: 'debug', waits: true })
  const all = await settings.list()
  expect(all.find(({ key }) => key === 'mesh.name')).toMatchObject({
    value: 'house',
    origin: expect.stringMatching(/membership/)
  })
})

it('is changed by programs, pages and peers only where that opens nothing', async () => {
  const { units, settings, text } = setUp(YAML)
  const known = new Set((await settings.list()).map(({ key }) => key))
  expect([...BY_PROGRAMS].filter(key => !known.has(key))).toEqual([])
  const run = (name: string, input: object, caller: Caller) => units.execute(name, input, contextOf(caller))
  const page = callerWith('manage')
  const opening = [
    'gateway.host',
    'gateway.hosts',
    'gateway.origins',
    'keys.passphraseFile',
    'engines.external'
  ]
  const paths = ['models.directories', 'engines.directory', 'engines.registry', 'engines.servers', 'services']
  for (const key of [
    ...opening,
    ...paths,
    'swarm.peers',
    'weights.origins.hfTokenFile',
    'weights.public.models'
  ]) {
    for (const unit of ['config.set', 'config.unset'])
      await expect(
        run(unit, { key, ...(unit === 'config.set' && { value: 'x' }) }, page)
      ).rejects.toMatchObject({ code: 'DENIED' })
  }
  await expect(
    run('config.set', { key: 'gateway.host', value: '::' }, { ...page, origin: 'peer' })
  ).rejects.toMatchObject({ code: 'DENIED' })
  for (const unit of ['config.show', 'config.get'])
    await expect(
      run(unit, unit === 'config.get' ? { key: 'name' } : {}, callerWith('read', 'use'))
    ).rejects.toMatchObject({ code: 'DENIED' })
  expect(text()).toBe(YAML)

  expect(await run('config.set', { key: 'log.level', value: 'debug' }, page)).toMatchObject({
    value: 'debug',
    by_programs: true
  })
  expect(await run('config.get', { key: 'gateway.host' }, page)).toMatchObject({
    origin: 'default',
    by_programs: false
  })
  expect(await run('config.set', { key: 'gateway.hosts', value: 'den.lan' }, OWNER)).toMatchObject({
    value: ['den.lan']
  })
  const { items } = (await run('config.show', {}, page)) as { items: object[] }
  expect(items.length).toBe(known.size)
})

it('loses no change of two that come at once', async () => {
  const { settings, text } = setUp(YAML)
  await Promise.all([settings.set('models.keepAlive', '10m'), settings.set('log.level', 'debug')])
  expect(text()).toContain('10m')
  expect(text()).toContain('debug')
})

it('shows variables and arguments of programs on the device only', async () => {
  const { units, settings } = setUp()
  const program = { command: '/bin/tools', args: ['--key', 'hunter2'], env: { API_KEY: 'hunter2' } }
  await settings.set('mcp.servers', { tools: program })
  const shown = async (caller: Caller) =>
    JSON.stringify([
      await units.execute('config.show', {}, contextOf(caller)),
      await units.execute('config.get', { key: 'mcp.servers' }, contextOf(caller))
    ])
  expect(await shown(OWNER)).toContain('hunter2')
  expect(await shown(callerWith('manage'))).not.toContain('hunter2')
  expect(await shown(callerWith('manage'))).toContain('API_KEY')
})
