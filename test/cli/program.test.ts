import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { describe, it } from 'vitest'
import { Output, printable, widthOf } from '../../cli/output.ts'
import { bytes, duration } from '../../cli/quantities.ts'
import { showsUtf8 } from '../../cli/terminal.ts'
import { runCli, SOURCE } from './run-cli.ts'

/** Every module that a run of the command line loads, through the loader's own hook. */
async function modulesLoadedBy(args: readonly string[], home: string): Promise<string[]> {
  const hook = join(home, 'trace.mjs')
  await writeFile(
    hook,
    `import { registerHooks } from 'node:module'
    import { appendFileSync } from 'node:fs'
    registerHooks({ load(url, context, next) { appendFileSync(${JSON.stringify(join(home, 'loaded'))}, url + '\\n'); return next(url, context) } })`
  )
  await writeFile(join(home, 'loaded'), '')
  await runCli(args, { home, main: SOURCE, nodeOptions: ['--import', hook] })
  const { readFile } = await import('node:fs/promises')
  return (await readFile(join(home, 'loaded'), 'utf8')).trim().split('\n')
}

describe('the command line', () => {
  it('loads the mesh stack for no command but start', async () => {
    const home = await mkdtemp(join(tmpdir(), 'lumos-cli-'))
    const commands = [
      ['--help'],
      ['start', '--help'],
      ['status'],
      ['infer', 'echo', 'a'],
      ['doctor'],
      ['config', 'check'],
      ['token', 'show'],
      ['completion', 'bash']
    ]
    for (const args of commands) {
      const loaded = await modulesLoadedBy(args, home)
      assert.ok(
        loaded.some(url => url.endsWith('/cli/program.ts')),
        'the trace works'
      )
      const heavy = loaded.filter(url =>
        /libp2p|onnxruntime|transformers\.|sharp|sqlite|\/hono\/|pino/.test(url)
      )
      assert.deepEqual(heavy, [], args.join(' '))
    }
    await rm(home, { recursive: true })
  })

  it('loads nothing but commander and its own few files for help', async () => {
    const home = await mkdtemp(join(tmpdir(), 'lumos-cli-'))
    const loaded = await modulesLoadedBy(['--help'], home)
    const packages = new Set(loaded.map(url => /node_modules\/([^/]+)/.exec(url)?.[1]).filter(Boolean))
    assert.deepEqual([...packages], ['commander'])
    await rm(home, { recursive: true })
  })

  it.each([
    ['den', 3],
    ['居間のPC', 8],
    ['거실', 4],
    ['ﾃﾚﾋﾞ', 4],
    ['कमरा', 3],
    ['Bjo\u0308rn', 5],
    ['ห้องนั่งเล่น', 8],
    ['👨\u200d👩\u200d👧', 2],
    ['می\u200cخواهم', 7],
    ['غرفة', 4]
  ])('lays out %s as %i columns', (text, columns) => {
    assert.equal(widthOf(text), columns)
    const table = new Output({
      json: false,
      stdout: new PassThrough() as unknown as NodeJS.WriteStream
    }).table(
      ['NAME', 'ROLE'],
      [
        [text, 'member'],
        ['a-longer-name', 'guest']
      ]
    )
    const line = table.split('\n')[1]!
    assert.equal(widthOf(line.slice(0, line.indexOf('member'))), 'a-longer-name  '.length)
  })

  it('prints help and version to stdout', async () => {
    const help = await runCli(['--help'])
    assert.deepEqual([help.code, help.stderr], [0, ''])
    for (const command of [
      'start',
      'stop',
      'status',
      'peers',
      'models',
      'infer',
      'exec',
      'key',
      'token',
      'config',
      'doctor'
    ]) {
      assert.match(help.stdout, new RegExp(`\\n  ${command}`))
    }
    assert.match((await runCli(['--version'])).stdout, /^\d+\.\d+\.\d+\n$/)
  })

  it('completes commands and options in every shell', async () => {
    for (const shell of ['bash', 'zsh', 'fish']) {
      const { code, stdout } = await runCli(['completion', shell])
      assert.equal(code, 0)
      for (const word of ['doctor', 'gateway-port', 'origin']) assert.match(stdout, new RegExp(word), shell)
    }
  })

  it('completes in a real bash', async () => {
    const { stdout: script } = await runCli(['completion', 'bash'])
    const names = {
      space: ['den', `it's home`, '$(echo bad)'],
      model: ['llama3:8b', 'llama3:70b'],
      device: ['attic']
    }
    const node = Object.entries(names).map(([kind, all]) => `${kind}) cat <<'E'\n${all.join('\n')}\nE\n;;`)
    const complete = (...words: string[]) =>
      execFileSync(
        'bash',
        [
          '-c',
          `lumos-node() { case "$3" in\n${node.join('\n')}\nesac; }
          ${script}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); _lumos_node; echo "\${COMPREPLY[@]}"`,
          'bash',
          'lumos-node',
          ...words
        ],
        { encoding: 'utf8' }
      ).trim()

    assert.equal(complete('st'), 'start stop status')
    assert.equal(complete('config', ''), 'show check get set unset --version --home --json --verbose --help')
    assert.equal(complete('start', '--no'), '--no-mdns')
    assert.equal(complete('config', 'show', '--or'), '--origin')
    assert.equal(complete('memory', 'open', 'd'), 'den')
    assert.match(complete('memory', 'open', ''), / den it\\'s\\ home \\\$\\\(echo\\ bad\\\)$/)
    assert.equal(complete('memory', 'share', '--json', 'den', 'at'), 'attic')
    assert.equal(complete('infer', '--peer', 'attic', 'llama3', ':', '7'), '70b')
    assert.equal(complete('infer', 'a', '--peer', ''), 'attic')
    assert.equal(complete('infer', 'a', '--out', ''), '')
  })

  it('shows the settings and where each comes from', async () => {
    const home = await mkdtemp(join(tmpdir(), 'lumos-cli-'))
    await writeFile(join(home, 'lumos.yaml'), 'name: den\n')
    const env = { LUMOS_GATEWAY__PORT: '7000' }
    const { stdout } = await runCli(['config', 'show', '--origin', '--json'], { home, env })
    const items: { key: string; value: unknown; origin: string }[] = JSON.parse(stdout).items
    const of = (key: string) => items.find(item => item.key === key)!
    assert.deepEqual([of('name').value, of('name').origin], ['den', `${join(home, 'lumos.yaml')}:1`])
    assert.deepEqual([of('gateway.port').value, of('gateway.port').origin], [7000, 'env LUMOS_GATEWAY__PORT'])

    await writeFile(
      join(home, 'lumos.yaml'),
      `models: { directories: ['${home}', '${join(home, 'typo')}', '${join(home, 'lumos.yaml')}'] }\n`
    )
    const checked = JSON.parse((await runCli(['config', 'check', '--json'], { home })).stdout)
    assert.deepEqual(checked.warnings, [
      `models.directories: ${join(home, 'typo')} is not there.`,
      `models.directories: ${join(home, 'lumos.yaml')} is no folder.`
    ])

    await writeFile(join(home, 'lumos.yaml'), 'gatway:\n  port: 1\n')
    const wrong = await runCli(['config', 'check'], { home })
    assert.equal(wrong.code, 8)
    assert.match(wrong.stderr, /lumos\.yaml:1:1: .*gateway/)
    await rm(home, { recursive: true })
  })

  it('says with doctor what is wrong and what to do', async () => {
    const home = await mkdtemp(join(tmpdir(), 'lumos-cli-'))
    const { code, stdout } = await runCli(['doctor', '--json'], { home })
    const items: { check: string; status: string; fix: string | null }[] = JSON.parse(stdout).items
    assert.equal(code, 0)
    assert.deepEqual(
      items.map(({ check }) => check),
      ['runtime', 'home', 'config', 'clock', 'node']
    )
    assert.match(items.at(-1)!.fix!, /lumos-node start/)

    await writeFile(join(home, 'format'), '9\n')
    await writeFile(join(home, 'lumos.yaml'), 'name: 7\n')
    const broken = await runCli(['doctor'], { home })
    assert.equal(broken.code, 1)
    assert.match(broken.stdout, /fail {2}config .*lumos\.yaml:1/)
    assert.match(broken.stdout, /fail {2}home .*was written by a newer version/)
    await rm(home, { recursive: true })
  })
})

describe('what is printed', () => {
  it('has units that people read', () => {
    assert.deepEqual(
      [bytes(0), bytes(1023), bytes(1536), bytes(83 * 1024 ** 2), bytes(200 * 1024 ** 3)],
      ['0 B', '1023 B', '1.5 KiB', '83.0 MiB', '200 GiB']
    )
    assert.deepEqual(
      [duration(5.9), duration(65), duration(3700), duration(90_000)],
      ['5 s', '1 min 5 s', '1 h 1 min', '1 d 1 h']
    )
  })

  it('is ASCII on a terminal that shows nothing else, and as it is in a file', async () => {
    assert.deepEqual(
      [
        showsUtf8({ LANG: 'C' }, 'linux'),
        showsUtf8({ LANG: 'de_DE.ISO-8859-1' }, 'linux'),
        showsUtf8({ LANG: 'C', LC_ALL: 'C.UTF-8' }, 'linux'),
        showsUtf8({ LANG: 'hi_IN.utf8' }, 'linux'),
        showsUtf8({}, 'linux'),
        showsUtf8({ LANG: 'C' }, 'darwin')
      ],
      [false, false, true, true, true, true]
    )
    const written = async (isTTY: boolean): Promise<string> => {
      const stdout = Object.assign(new PassThrough(), { isTTY }) as unknown as NodeJS.WriteStream
      const output = new Output({ json: false, stdout, stderr: stdout, utf8: false })
      output.line('join lumos:… – Jürgen, Bjo\u0308rn')
      output.note('居間')
      await output.raw('ok ✓')
      return String((stdout as unknown as PassThrough).read())
    }
    assert.equal(await written(true), 'join lumos:... - J?rgen, Bj?rn\n??\nok ?')
    assert.equal(await written(false), 'join lumos:… – Jürgen, Bjo\u0308rn\n居間\nok ✓')
  })

  it('is cut where the line ends, by what a terminal takes for each letter', () => {
    const stderr = Object.assign(new PassThrough(), { isTTY: true, columns: 5 })
    const output = new Output({ json: false, stderr: stderr as never, utf8: true })
    output.progress('居間のPC')
    assert.equal(String(stderr.read()), '\r\u001b[K居間')
    output.progress('Bjo\u0308rn and others')
    assert.equal(String(stderr.read()), '\r\u001b[KBjo\u0308rn')
  })

  it('never acts on the terminal', () => {
    const shaped = 'می\u200cخواهم 👨\u200d👩\u200d👧 क्\u200dष'
    assert.equal(printable(shaped), shaped)
    assert.equal(printable('a\u001b[2Jb\u202ec\nd\te'), 'a [2Jb c\nd\te')
    // A number sign and the end of a verse in Arabic, a place to break a word, and the flag of Wales.
    const seen =
      '\u0600١٢ آية\u06dd Donau\u00addampf \u{1f3f4}\u{e0067}\u{e0062}\u{e0077}\u{e006c}\u{e0073}\u{e007f}'
    assert.equal(printable(seen), seen)
    assert.equal(printable('\u2066a\u200eb\ufeff\u2028'), ' a b  ')
    // Tags without a flag are letters that no person sees.
    assert.equal(printable('a\u{e0068}\u{e0069}'), 'a  ')
  })
})
