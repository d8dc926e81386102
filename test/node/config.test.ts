import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, it, onTestFinished } from 'vitest'
import { LumosError } from '../../interface/errors.ts'
import { FEATURES, sectionsOf } from '../../node/features.ts'
import { type ConfigSources, describeConfig, loadConfig } from '../../node/settings/config.ts'
import { envNameOf, knownSettings } from '../../node/settings/config-schema.ts'
import { defaultHome, homePath } from '../../storage/home/home-path.ts'

function homeWith(yaml?: string): string {
  const home = mkdtempSync(join(tmpdir(), 'lumos-config-'))
  onTestFinished(() => rmSync(home, { recursive: true }))
  if (yaml !== undefined) writeFileSync(join(home, 'lumos.yaml'), yaml)
  return home
}

const load = (yaml?: string, sources: ConfigSources = {}) =>
  loadConfig({ home: homeWith(yaml), env: {}, ...sources })

/** What is wrong, each without the path of the file. */
async function problemsOf(yaml: string | undefined, sources: ConfigSources = {}): Promise<string[]> {
  const home = homeWith(yaml)
  try {
    await loadConfig({ home, env: {}, ...sources })
  } catch (err) {
    assert.ok(err instanceof LumosError)
    assert.equal(err.code, 'CONFIG_INVALID')
    const problems = err.details.problems as string[]
    for (const problem of problems) assert.ok(err.message.includes(problem))
    return problems.map(problem => problem.replace(join(home, 'lumos.yaml'), 'file'))
  }
  return []
}

describe('the configuration', () => {
  it('is read as the editors of Windows write it', async () => {
    const home = homeWith(undefined)
    writeFileSync(join(home, 'lumos.yaml'), Buffer.from('\ufeffname: Büro\r\n', 'utf16le'))
    assert.equal((await loadConfig({ home, env: {} })).config.name, 'Büro')
    writeFileSync(join(home, 'lumos.yaml'), Buffer.from('name: Büro\n', 'latin1'))
    await assert.rejects(loadConfig({ home, env: {} }), {
      message: /lumos\.yaml: The text is not UTF-8 \(byte 7\)/
    })
  })

  it('has a default for every setting', async () => {
    const { config, origins } = await load()

    assert.deepEqual(
      { ...config, name: 'any' },
      {
        name: 'any',
        mesh: { name: 'home' },
        swarm: { host: '::', port: 5867, mdns: true, dht: true, peers: [], announce: [] },
        keys: { passphraseFile: null },
        gateway: { host: '127.0.0.1', port: 5866, hosts: [], origins: [], aliases: {} },
        grpc: { enabled: false, host: '127.0.0.1', port: 50051 },
        models: {
          builtin: true,
          directories: [],
          memoryMax: '50%',
          keepAlive: '5m',
          warm: [],
          pinned: []
        },
        access: {},
        engines: {
          echo: false,
          discover: true,
          servers: {},
          external: {},
          directory: null,
          registry: 'https://registry.npmjs.org'
        },
        services: {},
        weights: {
          directory: null,
          diskMax: null,
          copies: { take: true, grace: '24h' },
          origins: {
            hf: 'https://huggingface.co',
            hfTokenFile: null,
            ms: 'https://www.modelscope.cn',
            msTokenFile: null,
            ollama: 'https://registry.ollama.ai'
          },
          public: { models: [], host: '::', port: 5868 }
        },
        routing: { policy: 'balanced' },
        serving: { yield: 'auto' },
        memory: { spaceMax: '1GB', searchModel: undefined },
        answers: { keep: '1h', diskMax: '256MB' },
        journal: { days: 7, eventsMax: 50_000 },
        wake: { allow: false },
        mcp: { servers: {} },
        log: { level: 'info' }
      }
    )
    assert.deepEqual(new Set(Object.values(origins)), new Set(['default']))
  })

  it('says to whom each model is offered', async () => {
    const home = homeWith('access:\n  "llama3.3:70b": { roles: [admin], peers: [den] }\n  echo: {}\n')
    const { config } = await loadConfig({ home, env: {} })
    assert.deepEqual(config.access, { 'llama3.3:70b': { roles: ['admin'], peers: ['den'] }, echo: {} })
    await assert.rejects(
      loadConfig({ home: homeWith('access:\n  echo: { roles: [owner] }\n'), env: {} }),
      (err: LumosError) => err.message.includes('access[echo][roles][0]')
    )
  })

  it('says where each value came from', async () => {
    const home = homeWith('# mine\nname: den\nswarm:\n  mdns: false\n  port: 1\ngateway: { port: 2 }\n')
    const loaded = await loadConfig({ home, env: { LUMOS_SWARM__PORT: '3' }, flags: { 'gateway.port': '4' } })

    const described = new Map(describeConfig(loaded).map(({ key, ...rest }) => [key, rest]))

    assert.equal(described.size, knownSettings(sectionsOf(FEATURES)).byKey.size)
    assert.deepEqual(described.get('name'), { value: 'den', origin: `${loaded.path}:2` })
    assert.deepEqual(described.get('swarm.mdns'), { value: false, origin: `${loaded.path}:4` })
    assert.deepEqual(described.get('swarm.port'), { value: 3, origin: 'env LUMOS_SWARM__PORT' })
    assert.deepEqual(described.get('gateway.port'), { value: 4, origin: 'flag --gateway-port' })
    assert.deepEqual(described.get('log.level'), { value: 'info', origin: 'default' })
  })

  it('takes text from the environment as the type of the setting', async () => {
    const { config } = await load(undefined, {
      env: {
        LUMOS_NAME: '007',
        LUMOS_SWARM__DHT: 'false',
        LUMOS_SWARM__PEERS: '/ip4/10.0.0.1/tcp/1, /dns/den.lan/tcp/2',
        LUMOS_MODELS__DIRECTORIES: '[/srv/a, ~/b]',
        LUMOS_GATEWAY__PORT: '',
        PATH: '/bin'
      }
    })

    assert.equal(config.name, '007')
    assert.equal(config.swarm.dht, false)
    assert.deepEqual(config.swarm.peers, ['/ip4/10.0.0.1/tcp/1', '/dns/den.lan/tcp/2'])
    assert.deepEqual(config.models.directories, ['/srv/a', join(homedir(), 'b')])
    assert.equal(config.gateway.port, 5866)
  })

  it.each(['/ip4/1.2.3.4/tcp/1', '/ip6/2001:db8::7/tcp/65535'])('may announce %s', async address => {
    const { config } = await load(undefined, { flags: { 'swarm.announce': [address] } })
    assert.deepEqual(config.swarm.announce, [address])
  })

  it.each(['/dns/den.lan/tcp/1', '/ip4/2001:db8::7/tcp/1', '/ip4/1.2.3.4/tcp/65536', '/ip4/1.2.3.4', 'den'])(
    'may not announce %s',
    async address => {
      await assert.rejects(load(undefined, { flags: { 'swarm.announce': [address] } }), {
        code: 'CONFIG_INVALID'
      })
    }
  )

  it.each(['', '# nothing\n', 'swarm:\n', 'swarm:\n  # port: 1\nlog: {}\n'])(
    'may be empty: %j',
    async yaml => {
      assert.deepEqual(await problemsOf(yaml), [])
    }
  )

  const leaves = {
    'gateway.port': fc.integer({ min: 0, max: 65535 }),
    'swarm.port': fc.integer({ min: 0, max: 65535 }),
    'swarm.mdns': fc.boolean(),
    'engines.echo': fc.boolean(),
    'mesh.name': fc.stringMatching(/^[a-z0-9-]{1,32}$/),
    'log.level': fc.constantFrom('debug', 'info', 'warn', 'error')
  }
  const someSettings: fc.Arbitrary<Record<string, unknown>> = fc.record(leaves, { requiredKeys: [] })

  it('is decided by the flag, else the environment, else the file, else the default', async () => {
    const home = homeWith()
    const byDefault = new Map(
      describeConfig(await loadConfig({ home, env: {} })).map(({ key, value }) => [key, value])
    )

    await fc.assert(
      fc.asyncProperty(someSettings, someSettings, someSettings, async (file, environment, flags) => {
        // JSON is YAML.
        const sections: Record<string, Record<string, unknown>> = {}
        for (const [key, value] of Object.entries(file)) {
          const [section, name] = key.split('.') as [string, string]
          sections[section] = { ...sections[section], [name]: value }
        }
        writeFileSync(join(home, 'lumos.yaml'), JSON.stringify(sections))
        const env = Object.fromEntries(
          Object.entries(environment).map(([key, value]) => [envNameOf(key), `${value}`])
        )

        for (const { key, value, origin } of describeConfig(await loadConfig({ home, env, flags }))) {
          const [expected, source] =
            key in flags
              ? [flags[key], /^(?:flag --|settings\[)/]
              : key in environment
                ? [environment[key], /^env LUMOS_/]
                : key in file
                  ? [file[key], /lumos\.yaml:\d+$/]
                  : [byDefault.get(key), /^default$/]
          assert.deepEqual(value, expected)
          assert.match(origin, source)
        }
      }),
      { numRuns: 200 }
    )
  })
})

describe('a mistake in the configuration', () => {
  it('is told with its line, its column and the setting that was probably meant', async () => {
    assert.deepEqual(await problemsOf('name: den\n\ngatway:\n  port: 1\n'), [
      'file:3:1: unknown setting "gatway"; did you mean "gateway"?'
    ])
    assert.deepEqual(await problemsOf('gateway:\n  prot: 1\n'), [
      'file:2:3: unknown setting "gateway.prot"; did you mean "gateway.port"?'
    ])
    assert.deepEqual(await problemsOf('echo: true\n'), [
      'file:1:1: unknown setting "echo"; did you mean "engines.echo"?'
    ])
    assert.deepEqual(await problemsOf('colour: red\n'), ['file:1:1: unknown setting "colour"'])
    assert.deepEqual(await problemsOf(undefined, { env: { LUMOS_LOG_LEVEL: 'debug' } }), [
      'env LUMOS_LOG_LEVEL: unknown setting "log_level"; did you mean LUMOS_LOG__LEVEL?'
    ])
    assert.deepEqual(await problemsOf(undefined, { flags: { 'swarm.prot': 1 } }), [
      'settings["swarm.prot"]: unknown setting "swarm.prot"; did you mean "swarm.port"?'
    ])
  })

  it('is told for every source at once, also for a value that another overrules', async () => {
    const problems = await problemsOf(
      'swarm:\n  port: many\n  peers: [/ip4/10.0.0.1/tcp/1, den]\nlog: loud\n',
      {
        env: { LUMOS_SWARM__MDNS: 'perhaps' },
        flags: { 'swarm.port': 1, 'gateway.port': '70000' }
      }
    )

    assert.equal(problems.length, 5)
    assert.match(problems[0]!, /^file:4:1: "log" holds settings of its own/)
    assert.match(problems[1]!, /^file:2:9: swarm\.port: .*expected number/)
    assert.match(problems[2]!, /^file:3:32: swarm\.peers\[1\]: expected a multiaddr/)
    assert.match(problems[3]!, /^env LUMOS_SWARM__MDNS: swarm\.mdns: .*expected boolean/)
    assert.match(problems[4]!, /^flag --gateway-port: gateway\.port: .*65535/)
  })

  it.each([
    ['name: [den\n', /^file:2:1: /],
    ['name: den\nname: attic\n', /^file:2:1: .*unique/],
    ['- name\n', /^file:1:1: expected settings/],
    ['name: &a den\n*b: 1\n', /^file:2:/],
    ['name: "\\e[31mred"\n', /^file:1:7: name: /],
    ['name: !!js/function "x"\n', /^file:1:/],
    ['__proto__:\n  port: 1\n', /unknown setting "__proto__"/],
    ['gateway:\n  host: example.org\n', /^file:2:9: gateway\.host: expected an IP address/],
    ['gateway:\n  port:\n', /gateway\.port: .*expected number/],
    ['gateway:\n  aliases: { "claude-*-x": echo }\n', /gateway\.aliases/],
    ['gateway:\n  hosts: [Den.lan]\n', /^file:2:11: gateway\.hosts\[0\]: expected a name/],
    ['gateway:\n  hosts: [den.lan, 0.0.0.0]\n', /^file:2:20: gateway\.hosts\[1\]: .*not a wildcard/],
    ['keys:\n  passphraseFile: secret\n', /^file:2:19: keys\.passphraseFile: expected an absolute path/],
    ['engines:\n  servers: {a: {url: "http://u:p@den"}}\n', /servers.*give the key by keyFile/],
    ['engines:\n  servers: {a: {url: "http://den/?key=k"}}\n', /servers.*give the key by keyFile/],
    ['engines:\n  servers: {a: {url: "den"}}\n', /servers.*expected an address/],
    ['engines:\n  registry: "https://u:p@den"\n', /registry: .*must not hold a password/],
    ['mesh:\n  name: Home Mesh\n', /^file:2:9: mesh\.name: expected/],
    ['models:\n  directories: [models]\n', /^file:2:17: models\.directories\[0\]: expected an absolute path/]
  ])('is told where it is: %j', async (yaml, expected) => {
    assert.match((await problemsOf(yaml))[0] ?? 'no problem', expected)
  })

  it('is also a file that cannot be read', async () => {
    assert.match((await problemsOf(undefined, { home: '/dev/null' }))[0]!, /ENOTDIR/)
  })

  it('never escapes as anything but CONFIG_INVALID', async () => {
    const home = homeWith()
    const pieces = [
      'swarm',
      ':',
      '\n',
      '  ',
      'port',
      '1',
      '[',
      ']',
      '{',
      '}',
      '&a',
      '*a',
      '"',
      '!!',
      '-',
      '#',
      '? ',
      '<<'
    ]
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string(),
          fc.array(fc.constantFrom(...pieces)).map(parts => parts.join(''))
        ),
        async yaml => {
          writeFileSync(join(home, 'lumos.yaml'), yaml)
          try {
            await loadConfig({ home, env: {} })
          } catch (err) {
            assert.equal((err as LumosError).code, 'CONFIG_INVALID')
          }
        }
      ),
      { numRuns: 500 }
    )
  })
})

describe('the home', () => {
  it('is the flag, else LUMOS_HOME, else the folder of the platform', () => {
    assert.equal(homePath('/a', { LUMOS_HOME: '/b' }), '/a')
    assert.equal(homePath(undefined, { LUMOS_HOME: '/b' }), '/b')
    assert.equal(homePath('~/mesh', {}), join(homedir(), 'mesh'))
    assert.equal(homePath(undefined, { LUMOS_HOME: '~' }), homedir())
    // An account without a home needs none where another folder is named.
    const none = () => assert.fail('looked up')
    assert.equal(defaultHome({ XDG_DATA_HOME: '/data' }, 'linux', none), '/data/lumos-node')
    assert.equal(
      defaultHome({}, 'linux', () => '/home/me'),
      '/home/me/.local/share/lumos-node'
    )
    assert.equal(
      defaultHome({ XDG_DATA_HOME: '/data' }, 'linux', () => '/home/me'),
      '/data/lumos-node'
    )
    assert.equal(
      defaultHome({ XDG_DATA_HOME: 'data' }, 'linux', () => '/home/me'),
      '/home/me/.local/share/lumos-node'
    )
    assert.equal(
      defaultHome({}, 'darwin', () => '/Users/me'),
      '/Users/me/Library/Application Support/lumos-node'
    )
    assert.equal(
      defaultHome({}, 'win32', () => 'C:\\Users\\me'),
      'C:\\Users\\me\\AppData\\Local\\lumos-node'
    )
  })
})
