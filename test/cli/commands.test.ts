/** Commands as processes, against the gateway of a node in this process: what is printed, where, and the exit code. */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, it, vi } from 'vitest'
import { printNames } from '../../cli/commands/completion/names.ts'
import { PLACES } from '../../cli/commands/connect/programs.ts'
import { run as printEvents } from '../../cli/commands/events/events.ts'
import { claudeFiles, codexFolder } from '../../cli/foreign/folders.ts'
import type { Invocation } from '../../cli/invocation.ts'
import { SCRIPT } from '../../cli/own-command.ts'
import { LumosError } from '../../interface/errors.ts'
import { writeRunFile } from '../../storage/home/run-file.ts'
import { RICH_ANSWER } from '../fixtures/rich-answer.ts'
import { startGateway } from '../gateway/running-gateway.ts'
import { runCli, spawnCli } from './run-cli.ts'

const ESCAPE = '\u001b['

let gateway: Awaited<ReturnType<typeof startGateway>>
let empty: string

beforeAll(async () => {
  gateway = await startGateway()
  empty = await mkdtemp(join(tmpdir(), 'lumos-cli-'))
  const { home, socketPath, node } = gateway
  const { peerId, name } = node
  writeRunFile(home, {
    pid: process.pid,
    peerId,
    name,
    version: '0',
    socketPath,
    gateway: gateway.gateway.url!,
    startedAtMs: 0
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await rm(empty, { recursive: true })
})

const cli = (args: string[], options: object = {}) => runCli(args, { home: gateway.home, ...options })

describe('names for a shell', () => {
  async function namesOf(kind: string, home: string, timeoutMs: number): Promise<string> {
    const lines: string[] = []
    const output = { line: (text: string) => void lines.push(text) } as Invocation['output']
    await printNames(kind, { options: { home }, output } as Invocation, timeoutMs)
    return lines.join('\n')
  }

  it('are those of the running node, a line each, and nothing where there is none', async () => {
    const names = await Promise.all(
      ['model', 'device', 'nothing', 'unit'].map(kind => namesOf(kind, gateway.home, 60_000))
    )
    const { items } = (await gateway.local('/api/v2/units')).body
    assert.deepEqual(
      names.pop()!.split('\n'),
      items.map(({ name }: { name: string }) => name)
    )
    assert.ok(names[0]!.split('\n').includes('held'), names[0])
    assert.deepEqual(names.slice(1), [gateway.node.name, ''])
    const off = await cli(['completion', '--names', 'model'], { home: empty })
    assert.deepEqual([off.code, off.stdout, off.stderr], [0, '', ''])
  })

  it('are none of a node that does not answer: the key is not held up', async () => {
    const home = await mkdtemp(join(tmpdir(), 'lumos-cli-'))
    const socketPath = join(home, 'node.sock')
    const silent = createServer(socket => socket.on('error', () => {})).listen(socketPath)
    await once(silent, 'listening')
    const own = { pid: process.pid, peerId: gateway.node.peerId, name: 'silent', version: '0' }
    writeRunFile(home, { ...own, socketPath, gateway: gateway.gateway.url!, startedAtMs: 0 })
    assert.equal(await namesOf('model', home, 100), '')
    silent.close()
    await rm(home, { recursive: true })
  })
})

describe('a read command', () => {
  it('prints one object with --json, and words without', async () => {
    const asJson = await cli(['status', '--json'])
    assert.deepEqual([asJson.code, asJson.stderr], [0, ''])
    const status = JSON.parse(asJson.stdout)
    for (const key of [
      'peer_id',
      'name',
      'version',
      'uptime_s',
      'addresses',
      'gateway',
      'peers',
      'memory_bytes'
    ]) {
      assert.ok(key in status, key)
    }
    assert.equal(status.gateway, gateway.gateway.url)

    const words = await cli(['status'])
    assert.match(words.stdout, new RegExp(gateway.node.peerId))
    assert.ok(!words.stdout.includes('{') && !words.stdout.includes(ESCAPE))
  })

  it('prints lists as items', async () => {
    assert.deepEqual(JSON.parse((await cli(['--json', 'peers'])).stdout), { items: [] })
    const { stdout } = await cli(['models'])
    assert.match(
      stdout,
      /^MODEL +TASK +STATE +SIZE +SPEED +WHERE\nheld +tensor +ready +- +- +held \(here\)\n/
    )
  })

  it('uses colour only where it is asked for or shown', async () => {
    assert.ok((await cli(['models'], { env: { FORCE_COLOR: '1' } })).stdout.startsWith(ESCAPE))
    assert.ok(!(await cli(['models'], { env: { NO_COLOR: '1' } })).stdout.includes(ESCAPE))
  })
})

describe('infer', () => {
  it('writes text as it is, and ends the line', async () => {
    const { code, stdout, stderr } = await cli(['infer', 'held', 'good  morning'])
    assert.deepEqual([code, stdout, stderr], [0, 'good  morning\n', ''])
  })

  it('reads stdin and files', async () => {
    assert.equal((await cli(['infer', 'held', '-'], { stdin: 'from stdin' })).stdout, 'from stdin\n')
    // As PowerShell writes a file, and as an old editor does.
    const utf16 = await cli(['infer', 'held', '-'], { stdin: Buffer.from('\ufeffGrüße', 'utf16le') })
    assert.equal(utf16.stdout, 'Grüße\n')
    const latin1 = await cli(['infer', 'held', '-'], { stdin: Buffer.from('Grüße', 'latin1') })
    assert.deepEqual([latin1.code, latin1.stdout], [1, ''])
    assert.match(latin1.stderr, /not UTF-8 \(byte 2\)/)
    const path = join(empty, 'words.txt')
    await writeFile(path, 'from a file')
    assert.equal((await cli(['infer', 'text-generation', `@${path}`])).stdout, 'from a file\n')
    const missing = await cli(['infer', 'held', '@no-such-file'])
    assert.match(missing.stderr, /^no-such-file cannot be read: there is no such file\. /)
  })

  it('reads no more than a node takes of a file that has no end', async () => {
    const { code, stderr } = await cli(['infer', 'held', '@/dev/zero'])
    assert.equal(code, 1)
    assert.match(stderr, /holds more than 88 MiB.*E_INPUT_TOO_LARGE/)
  })

  it('prints exactly what programs expect with --json', async () => {
    const { stdout } = await cli(['infer', 'held', 'a b', '--json'])
    const { meta, ...answer } = JSON.parse(stdout)
    assert.deepEqual(answer, { task: 'text-generation', model: 'held', output: { text: 'a b' } })
    assert.deepEqual(Object.keys(meta), ['peer', 'route', 'duration_ms', 'answer'])
    assert.deepEqual([meta.peer, meta.route], [gateway.node.peerId, 'local'])
  })

  it('prints each piece as a line with --jsonl', async () => {
    const { stdout } = await cli(['infer', 'held', 'a b', '--jsonl'])
    const lines = stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    assert.deepEqual(
      lines.map(({ type }) => type),
      ['text', 'text', 'done']
    )
  })

  it('prints text alone, and notes progress, tool calls and media on stderr', async () => {
    gateway.engine.script = RICH_ANSWER
    const { stdout, stderr } = await cli(['infer', 'held', 'a'])
    gateway.engine.script = undefined
    assert.equal(stdout, 'Let me look.\n')
    assert.deepEqual(stderr.trim().split('\n'), [
      'loading: 50 %',
      'loading: 100 %',
      'thinking: 3',
      'The model calls weather({"city":"Bern"}).',
      'About 6 bytes of audio/wav: --json and --jsonl print them, and infer --out writes them.'
    ])
  })

  it('passes options on', async () => {
    await cli([
      'infer',
      'held',
      'a',
      '--max-tokens',
      '3',
      '--timeout',
      '1.5',
      '--peer',
      'held',
      '--policy',
      'cheapest'
    ])
    const wrong = await cli(['infer', 'held', 'a', '--policy', 'dearest'])
    assert.deepEqual([wrong.code, wrong.stderr.includes('greenest')], [1, true])
    assert.deepEqual(gateway.engine.lastRequest?.params, { maxTokens: 3 })
    assert.ok(gateway.engine.lastRequest!.budgetMs <= 1500)
  })

  it('says whom it asked and why with --explain, on stderr, and prints the same answer', async () => {
    const { code, stdout, stderr } = await cli(['infer', 'text-generation', 'why you', '--explain'])
    assert.deepEqual([code, stdout], [0, 'why you\n'])
    assert.match(stderr, /^Policy balanced: answered after .* ms\./)
    // What the answer is expected to take counts too.
    assert.match(stderr, /\n {2}.* with held: .* ms \(.*measured.*, writes the answer .*\); was asked\n/)
    assert.match(stderr, /: answered, pieces 0 to \d+\n/)
  })

  it('says with --explain whom it asked where nobody answers', async () => {
    gateway.engine.failure = new LumosError('ENGINE_FAILED', 'The engine died.')
    const { code, stderr } = await cli(['infer', 'held', 'a', '--explain'])
    gateway.engine.failure = undefined
    assert.equal(code, 1)
    assert.match(
      stderr,
      /^Policy balanced: ENGINE_FAILED after .*[\s\S]*with held: .*; was asked\n[\s\S]*The engine died/
    )
  })

  it('says who answered with -v, on stderr', async () => {
    const { stdout, stderr } = await cli(['infer', 'held', 'a', '-v'])
    assert.equal(stdout, 'a\n')
    assert.match(stderr, /Answered by 12D3Koo\w+ \(local\) in [\d.]+ ms/)
  })
})

describe('exec', () => {
  it('runs any unit with JSON from the argument, a file or stdin', async () => {
    const input = JSON.stringify({ model_id: 'held' })
    const expected = (await gateway.local('/api/v2/query/model.get', input)).body.data
    assert.equal(expected.id, 'held')
    assert.deepEqual(JSON.parse((await cli(['exec', 'model.get', input])).stdout), expected)
    assert.deepEqual(JSON.parse((await cli(['exec', 'model.get', '-'], { stdin: input })).stdout), expected)
  })

  it('takes the fields of the unit as flags, prints them with --help, and names the closest of a wrong one', async () => {
    const found = await cli(['exec', 'model.get', '--model-id', 'held'])
    assert.equal(JSON.parse(found.stdout).id, 'held')
    const help = await cli(['exec', 'model.get', '--help'])
    assert.match(help.stdout, /--model-id +TEXT +required/)
    assert.match(help.stdout, /\n {2}lumos-node exec model\.get --model-id digits-cnn\n$/)
    assert.match((await cli(['exec', '--help'])).stdout, /^Usage: lumos-node exec/)
    const wrong = await cli(['exec', 'model.get', '--modelid', 'held'])
    assert.equal(wrong.code, 2)
    assert.match(wrong.stderr, /no field --modelid\. Closest: --model-id\./)
  })

  it('lists all units where none is named, and those of a domain', async () => {
    const words = await cli(['exec'])
    assert.deepEqual([words.code, words.stderr], [0, ''])
    assert.match(words.stdout, /^UNIT +KIND +NEEDS +SUMMARY\n/)
    assert.match(words.stdout, /^mesh\.status +query +read +\w/m)
    const names = (await cli(['units', '--domain', 'event', '--names'])).stdout
    assert.match(names, /^(event\.\w+\n)+$/)
    assert.equal((await cli(['units', '--domain', 'evnt'])).code, 4)
    const { items } = JSON.parse((await cli(['exec', '--json'])).stdout)
    assert.ok(items.some(({ name, summary, input }: Record<string, unknown>) => name && summary && input))
  })
})

describe('connect', () => {
  it('changes the configuration of a program, keeps what is there, and writes no token', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lumos-connect-'))
    const env = { HOME: folder }
    const path = join(folder, '.claude', 'settings.json')
    await mkdir(join(folder, '.claude'))
    await writeFile(path, '{\n  // mine\n  "env": { "A": "b" }\n}\n')
    const shown = await cli(['connect', 'claude', '--print'], { env })
    assert.match(shown.stdout, /\+ .*ANTHROPIC_BASE_URL/)
    assert.match(await readFile(path, 'utf8'), /^[^B]*$/)

    const { code, stderr } = await cli(['connect', 'claude', '--yes'], { env })
    assert.equal(code, 0, stderr)
    const text = await readFile(path, 'utf8')
    assert.match(text, /\/\/ mine/)
    assert.deepEqual(JSON.parse(text.replace('// mine', '')), {
      env: {
        A: 'b',
        ANTHROPIC_BASE_URL: gateway.gateway.url,
        ANTHROPIC_MODEL: 'held',
        ANTHROPIC_DEFAULT_OPUS_MODEL: 'held',
        ANTHROPIC_DEFAULT_SONNET_MODEL: 'held',
        ANTHROPIC_DEFAULT_HAIKU_MODEL: 'held'
      },
      apiKeyHelper: `${process.execPath} ${SCRIPT} --home ${gateway.home} token show`
    })
    // As Claude Code runs it, without the PATH of this shell.
    const helped = execFileSync('/bin/sh', ['-c', JSON.parse(text.replace('// mine', '')).apiKeyHelper], {
      env: {}
    })
    assert.equal(String(helped).trim(), gateway.token)
    assert.match((await cli(['connect', 'claude', '--yes'], { env })).stdout, /has it already/)

    const codex = await cli(['connect', 'codex', '--yes', '--model', 'm'], { env })
    assert.match(codex.stdout, /codex -c model_provider=lumos -m m\n$/)
    const toml = await readFile(join(folder, '.codex', 'config.toml'), 'utf8')
    assert.match(toml, /^base_url = "http.*\/v1"$/m)
    assert.match(
      toml,
      /^\[model_providers\.lumos\.auth\]\ncommand = ".*node"\nargs = \[".*lumos-node\.cjs", "--home",/m
    )
    assert.match((await cli(['connect', 'codex', '--yes', '--model', 'm'], { env })).stdout, /has it already/)
    await rm(folder, { recursive: true })
  })

  it('finds the configuration in the folder that the variable of the program names', async () => {
    const moved = { CODEX_HOME: '/of/codex', CLAUDE_CONFIG_DIR: '/of/claude' }
    assert.equal(codexFolder(moved), '/of/codex')
    assert.deepEqual(claudeFiles(moved), {
      settings: '/of/claude/settings.json',
      servers: '/of/claude/.claude.json'
    })
    const { servers } = claudeFiles({})
    assert.equal(join(homedir(), '.claude.json'), servers)
  })

  it('has the values for a program that is set up in its own pages', async () => {
    const url = 'http://127.0.0.1:5866'
    const model = { id: 'm', contextTokens: 40_000, takesImages: true, leavesMesh: false }
    const node = {
      url,
      model,
      showToken: ['lumos-node', 'token', 'show'] as const,
      newToken: 'lumos-node token create x'
    }
    for (const program of ['openwebui', 'homeassistant', 'vscode', 'cline'] as const) {
      const { file, steps } = PLACES[program](node)
      assert.equal(file, undefined)
      for (const words of [`${url}/v1`, 'lumos-node token create x'])
        assert.ok(steps.join('\n').includes(words))
    }
    assert.match(
      PLACES.vscode(node).steps.join('\n'),
      /"vision":true,"maxInputTokens":30000,"maxOutputTokens":10000}/
    )
    assert.match(PLACES.codex(node).steps.join('\n'), /-m m -c model_context_window=40000$/)
    const settings = JSON.parse(PLACES.claude(node).file!.edit(undefined))
    assert.equal(settings.env.CLAUDE_CODE_MAX_CONTEXT_TOKENS, '40000')
    assert.match((await cli(['connect', 'vscode'])).stdout, /"vision":false/)
    assert.equal((await cli(['connect', 'emacs'])).code, 2)
  })
})

describe('events', () => {
  it('are printed from a place on, one a line, and then as they happen', async () => {
    const { node, emit } = gateway
    const place = () => `${node.events.position.epoch}-${node.events.position.sequence}`
    const begun = place()
    emit('mesh.renamed', { mesh: 'den\u001b[2J' })
    const asJson = await cli(['events', '--since', begun, '--json'])
    const [line, ...others] = asJson.stdout
      .trim()
      .split('\n')
      .map(text => JSON.parse(text))
    assert.deepEqual([line.name, line.place, others], ['mesh.renamed', place(), []])
    const words = (await cli(['events', '--since', begun])).stdout
    assert.match(words, /^[\d-]+T[\d:.]+Z {2}mesh\.renamed {2}{"mesh":"den/)
    assert.ok(!words.includes(ESCAPE))

    const following = spawnCli(['events', '--follow', '--name', 'peer.*', '--since', begun], {
      home: gateway.home
    })
    emit('peer.left', { peerId: 'p1' })
    for await (const text of following.stdout) {
      assert.match(String(text), /peer\.left {2}{"peer_id":"p1"}/)
      break
    }
    following.kill()
  })

  it('end with the node, and say how to go on from the last one that was printed', async () => {
    const home = await mkdtemp(join(tmpdir(), 'lumos-cli-'))
    const socketPath = join(home, 'node.sock')
    const item = { type: 'event', name: 'mesh.renamed', epoch: 'e1', sequence: 7, at_ms: 0, data: {} }
    // As a node that stops: one that says so, and one that is killed.
    const ends = ['event: end\ndata: {"meta":{}}\n\n', undefined]
    const node = createHttpServer((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      const end = ends.shift()
      response.write(`event: item\ndata: ${JSON.stringify(item)}\n\n`, () =>
        end === undefined ? response.destroy() : response.end(end)
      )
    }).listen(socketPath)
    await once(node, 'listening')
    const own = { pid: process.pid, peerId: 'p', name: 'n', version: '0', startedAtMs: 0 }
    writeRunFile(home, { ...own, socketPath, gateway: 'http://127.0.0.1:1' })
    const lines: string[] = []
    const output = { json: true, line: (text: string) => void lines.push(text) } as Invocation['output']
    for (let run = 0; run < 2; run++) {
      await assert.rejects(printEvents({ options: { home, follow: true }, output } as never), {
        code: 'NODE_NOT_RUNNING',
        message: 'The node has stopped.',
        hint: /events --follow --since e1-7$/
      })
    }
    assert.equal(lines.length, 2)
    node.close()
    await rm(home, { recursive: true })
  })

  it('of the last hour are printed from disk, of one kind, and then as they happen', async () => {
    gateway.emit('mesh.renamed', { mesh: 'attic' })
    const { stdout } = await cli(['events', '--since', '1h', '--type', 'mesh.*'])
    assert.match(stdout.trim().split('\n').at(-1)!, /mesh\.renamed {2}{"mesh":"attic"}/)
    const following = spawnCli(['events', '--since', '1h', '--type', 'mesh.renamed', '--follow'], {
      home: gateway.home
    })
    let seen = ''
    for await (const text of following.stdout) {
      if (seen === '') gateway.emit('mesh.renamed', { mesh: 'cellar' })
      seen += String(text)
      if (seen.includes('cellar')) break
    }
    following.kill()
    assert.equal(seen.split('cellar').length, 2)
  })

  it('change resources that are watched, which are printed whole or as patches', async () => {
    const [words, whole, patches] = [[], ['--json'], ['--jsonl']].map(more =>
      spawnCli(['watch', 'mesh/requests', ...more], { home: gateway.home })
    )
    const first = async (child: ReturnType<typeof spawnCli>) => {
      for await (const text of child.stdout) return String(text)
      return ''
    }
    assert.deepEqual(JSON.parse(await first(words!)), { items: [] })
    assert.deepEqual(JSON.parse(await first(whole!)), { items: [] })
    assert.equal(JSON.parse(await first(patches!)).type, 'snapshot')
    for (const child of [words, whole, patches]) child!.kill()
  })

  it('of an earlier start are said to be lost', async () => {
    assert.match((await cli(['events', '--since', 'another-9'])).stdout, /^--- .* lost\. ---\n/)
  })
})

describe('a failing command', () => {
  const cases: [string, string[], number, string][] = [
    ['an unknown command', ['stauts'], 2, 'USAGE'],
    ['no command', [], 2, 'USAGE'],
    ['an unknown option', ['status', '--colour'], 2, 'USAGE'],
    ['a missing argument', ['infer', 'held'], 2, 'USAGE'],
    ['an option that makes no sense', ['infer', 'held', 'a', '--timeout', 'soon'], 2, 'USAGE'],
    ['an option of another task', ['infer', 'held', '{}', '--task', 'tensor', '--top-k', '3'], 2, 'USAGE'],
    ['input that is no JSON', ['exec', 'mesh.status', '{'], 2, 'USAGE'],
    ['an image that is not there', ['infer', 'image-classification', 'seven.png'], 1, 'INVALID_INPUT'],
    ['an unknown shell', ['completion', 'tcsh'], 2, 'USAGE'],
    ['a missing file', ['infer', 'held', '@/nowhere'], 1, 'INVALID_INPUT'],
    ['wrong input', ['exec', 'model.get', '{"model_idd":"held"}'], 1, 'INVALID_INPUT'],
    ['an unknown unit', ['exec', 'mesh.stats'], 4, 'UNIT_NOT_FOUND'],
    ['a device that is not there', ['exec', 'node.stop', '--peer', 'den'], 4, 'PEER_NOT_FOUND'],
    ['a resource that is not there', ['watch', 'lumos://modles'], 4, 'RESOURCE_NOT_FOUND'],
    ['a setting that does not exist', ['config', 'get', 'gateway.prot'], 1, 'INVALID_INPUT'],
    ['an unknown job', ['job', 'show', 'nothing', '--wait'], 4, 'JOB_UNKNOWN'],
    ['an event that does not exist', ['events', '--name', 'peer.joind'], 1, 'INVALID_INPUT'],
    ['a place that is none', ['events', '--since', 'yesterday'], 1, 'INVALID_INPUT'],
    ['a check of a model that is not here', ['models', 'check', 'helld'], 4, 'MODEL_NOT_FOUND'],
    ['an unknown model', ['infer', 'helld', 'a'], 4, 'MODEL_NOT_FOUND'],
    ['an unknown peer', ['infer', 'held', 'a', '--peer', 'other'], 4, 'PEER_NOT_FOUND']
  ]

  it.each(cases)('tells programs of %s on stderr, with its exit code', async (_, args, exitCode, code) => {
    const failed = await cli([...args, '--json'])
    assert.deepEqual([failed.code, failed.stdout], [exitCode, ''])
    const { error } = JSON.parse(failed.stderr)
    assert.deepEqual(Object.keys(error), ['code', 'message', 'hint'])
    assert.equal(error.code, code)
  })

  it('tells people what is closest, what to type, and the code', async () => {
    assert.match(
      (await cli(['infer', 'helld', 'a'])).stderr,
      /^No device offers "helld"\. Closest: held\. \(E_MODEL_NOT_FOUND\)\n$/
    )
    assert.match(
      (await cli(['stauts'])).stderr,
      /unknown command 'stauts'.*Did you mean status\?.*\(E_USAGE\)\n$/s
    )
    assert.match(
      (await cli(['models', 'ofer', 'held'])).stderr,
      /^unknown command 'models ofer' \(Did you mean offer\?\) See lumos-node models --help\. \(E_USAGE\)\n$/
    )
    assert.match(
      (await cli(['--home', '/nowhere', 'job', 'show', 'one', '--colour'])).stderr,
      /^unknown option '--colour'\. See lumos-node job show --help\. /
    )
  })

  it('says how to start a node where none runs', async () => {
    for (const args of [['status'], ['stop'], ['infer', 'held', 'a']]) {
      const { code, stderr } = await runCli(args, { home: empty })
      assert.equal(code, 3)
      assert.match(stderr, /lumos-node start \(E_NODE_NOT_RUNNING\)\n$/)
    }
    writeRunFile(empty, {
      pid: 1,
      peerId: '',
      name: '',
      version: '',
      socketPath: join(empty, 'gone.sock'),
      gateway: '',
      startedAtMs: 0
    })
    assert.equal((await runCli(['status'], { home: empty })).code, 3)
  })

  it('passes on why the mesh could not answer', async () => {
    const meanings = [
      ['OVERLOADED', 75],
      ['TIMEOUT', 6],
      ['NO_PROVIDER', 7],
      ['DENIED', 5]
    ] as const
    for (const [code, exitCode] of meanings) {
      gateway.engine.failure = new LumosError(code, 'Not now.')
      assert.equal((await cli(['infer', 'text-generation', 'a'])).code, exitCode)
    }
    gateway.engine.failure = undefined
  })
})

describe('adopt', () => {
  it('says how the other program moves, waits for its port, lists it and gives it back', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    const child = spawnCli(['adopt', 'ollama', '--port', `${port}`, '--json'], { home: gateway.home })
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', text => {
      stdout += text
    })
    const exited = once(child, 'close')
    for await (const text of child.stderr) {
      stderr += text
      if (stderr.includes('as soon as it is free')) other.close()
    }
    assert.deepEqual(await exited, [0, null])
    assert.match(
      stderr,
      new RegExp(`Port ${port}: another program .*\n  OLLAMA_HOST=127.0.0.1:${port + 1} ollama serve\n`)
    )
    const adopted = JSON.parse(stdout)
    assert.deepEqual([adopted.product, adopted.port, adopted.state], ['ollama', port, 'listening'])
    assert.equal((await cli(['adopt'])).stdout, `Port ${port} of ollama answers for the mesh.\n`)
    assert.match((await cli(['status'])).stdout, new RegExp(`^adopted  ${port} of ollama$`, 'm'))

    const released = await cli(['adopt', 'ollama', '--release', '--json'])
    assert.deepEqual(JSON.parse(released.stdout), { product: 'ollama', released: true })
    assert.equal((await cli(['adopt', 'jan'])).code, 2)
  })
})

describe('a hung up command', () => {
  it('ends with the code of its signal, and its work is cancelled', async () => {
    let words = 0
    gateway.engine.beforeWord = () => (words++ === 0 ? Promise.resolve() : new Promise(() => {}))
    const child = spawnCli(['infer', 'held', 'one two'], { home: gateway.home })
    const begun = gateway.engine.outcomes.length
    await new Promise(resolve => child.stdout.once('data', resolve))
    child.kill('SIGINT')
    const code = await new Promise(resolve => child.on('close', resolve))
    gateway.engine.beforeWord = async () => {}
    assert.equal(code, 130)
    // The gateway may hear of it after we do.
    await vi.waitFor(() => assert.deepEqual(gateway.engine.outcomes.slice(begun), ['left']), 20_000)
  })
})

describe('batch', () => {
  const lines = 'a\nb\n\nc\nd\ne\nf\n'
  const outputs = async (out: string) =>
    (await readFile(out, 'utf8'))
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line).output?.text ?? JSON.parse(line).error.code)
  const batch = (out: string, ...more: string[]) => ['batch', 'held', '-', '--out', out, ...more]

  /** Runs until the first answers are written and the next hang, then ends the command by this signal. */
  async function endedBy(signal: 'SIGINT' | 'SIGKILL', out: string) {
    let words = 0
    const hangs = Promise.withResolvers<void>()
    const release = Promise.withResolvers<void>()
    gateway.engine.beforeWord = async () => {
      if (++words <= 2) return
      hangs.resolve()
      await release.promise
    }
    const child = spawnCli(batch(out), { home: gateway.home })
    const closed = new Promise(resolve => child.on('close', resolve))
    child.stdin.end(lines)
    await hangs.promise
    const { id } = gateway.node.jobs.list().at(-1)!
    for await (const { progress } of gateway.node.jobs.watch(id)) if (progress?.done === 2) break
    child.kill(signal)
    const code = await closed
    gateway.engine.beforeWord = async () => {}
    release.resolve()
    return code
  }

  it('answers the lines of stdin in order, and the same command again finds them there', async () => {
    const out = join(empty, 'stdin.jsonl')
    const first = await cli(batch(out, '--json'), { stdin: lines })
    assert.deepEqual([first.code, first.stderr], [0, ''])
    assert.deepEqual(await outputs(out), ['a', 'b', 'c', 'd', 'e', 'f'])
    const { items, before, failed } = JSON.parse((await cli(batch(out, '--json'), { stdin: lines })).stdout)
    assert.deepEqual([items, before, failed], [6, 6, 0])
    assert.deepEqual(existsSync(`${out}.stdin`), false)
  })

  it('that is interrupted keeps what is done, and goes on from there', async () => {
    const out = join(empty, 'interrupted.jsonl')
    assert.equal(await endedBy('SIGINT', out), 130)
    const { before } = JSON.parse((await cli(batch(out, '--json'), { stdin: lines })).stdout)
    assert.equal(before, 2)
    assert.deepEqual(await outputs(out), ['a', 'b', 'c', 'd', 'e', 'f'])
  })

  it('goes on in the node when its command is killed', async () => {
    const out = join(empty, 'killed.jsonl')
    await endedBy('SIGKILL', out)
    const { id } = gateway.node.jobs.list().at(-1)!
    for await (const { state } of gateway.node.jobs.watch(id)) if (state === 'done') break
    assert.deepEqual(await outputs(out), ['a', 'b', 'c', 'd', 'e', 'f'])
  })

  it('fails with the number of inputs that have no answer', async () => {
    const path = join(empty, 'some.jsonl')
    await writeFile(path, '"a"\n{"messages":7}\n')
    const out = join(empty, 'some-out.jsonl')
    const { code, stdout, stderr } = await cli(['batch', 'held', path, '--out', out])
    assert.equal(code, 1)
    assert.match(stdout, /TRIES FAILED/)
    assert.match(stderr, /^1 of 2 inputs have no answer\. .*E_BATCH_INCOMPLETE/)
    assert.deepEqual(await outputs(out), ['a', 'INVALID_INPUT'])
  })

  it('takes the parameters that infer takes, and says where no second device could verify', async () => {
    const out = join(empty, 'verified.jsonl')
    const { stderr } = await cli(batch(out, '--labels', 'a,b'), { stdin: lines })
    assert.match(stderr, /--labels means nothing to text-generation/)
    const params = ['--params', '{"temperature":0}']
    const { stdout } = await cli(batch(out, '--verify', '2', ...params), { stdin: lines })
    assert.match(stdout, /A second device is missing/)
  })
})

describe('memory add', () => {
  /** What a command says it did with each file. */
  const added = async (args: string[], through: readonly string[] = []) => {
    const { code, stdout, stderr } = await cli(['memory', 'add', ...args, '--json'], { through })
    assert.deepEqual([code, stderr], [0, ''])
    const { items, ...counts } = JSON.parse(stdout)
    const statuses = Object.fromEntries(
      (items as { name: string; status: string; reason: string | null }[]).map(item => [
        item.name,
        item.reason ?? item.status
      ])
    )
    return { statuses, counts }
  }

  it('keeps the files of a folder, updates what changed, and removes what is gone', {
    timeout: 30_000
  }, async () => {
    const { stdout: made } = await cli(['memory', 'create', 'books'])
    assert.equal(made, 'The space books is private. Share it: lumos-node memory share books DEVICE\n')
    const papers = join(empty, 'papers')
    await mkdir(join(papers, 'sub'), { recursive: true })
    await writeFile(join(papers, 'notes.md'), '# Notes\n\nThe door is blue.')
    await writeFile(
      join(papers, 'page.html'),
      '<title>Page</title><p>The cat is grey.<script>evil()</script>'
    )
    await writeFile(join(papers, 'sub', 'b.txt'), 'Below.')
    await writeFile(join(papers, 'program.bin'), Uint8Array.of(1, 0, 2))
    await writeFile(join(papers, '.env'), 'PASSWORD=1')
    await writeFile(join(papers, 'large.txt'), '')
    await truncate(join(papers, 'large.txt'), 1024 ** 3)
    await symlink('/etc/passwd', join(papers, 'link.txt'))
    execFileSync('mkfifo', [join(papers, 'pipe.txt')])

    const first = await added(['books', 'papers/'], ['sh', '-c', 'cd "$0" && exec "$@"', empty])
    assert.deepEqual(first.statuses, {
      'papers/.env': 'It is hidden.',
      'papers/large.txt': 'It has 1073741824 bytes; a file has 25165824 at most.',
      'papers/link.txt': 'It is a link.',
      'papers/notes.md': 'added',
      'papers/page.html': 'added',
      'papers/pipe.txt': 'It is no file.',
      'papers/program.bin': 'It is no text, HTML or PDF.',
      'papers/sub/b.txt': 'added'
    })
    assert.deepEqual(first.counts, { added: 3, updated: 0, unchanged: 0, removed: 0, skipped: 5 })

    await writeFile(join(papers, 'notes.md'), '# Notes\n\nThe door is red.')
    await rm(join(papers, 'sub', 'b.txt'))
    const { counts, statuses } = await added(['books', papers])
    assert.deepEqual(counts, { added: 0, updated: 1, unchanged: 1, removed: 1, skipped: 5 })
    assert.equal(statuses['papers/sub/b.txt'], 'removed')

    // Another folder of that name takes nothing from the first one.
    await mkdir(join(empty, 'other', 'papers'), { recursive: true })
    await writeFile(join(empty, 'other', 'papers', 'c.txt'), 'Other.')
    assert.equal((await added(['books', join(empty, 'other', 'papers')])).counts.removed, 0)

    const { stdout } = await cli(['memory', 'sources', 'books', '--json'])
    const items = JSON.parse(stdout).items as { name: string; writer: string; title: string | null }[]
    assert.deepEqual(
      items.map(({ name, title, writer }) => [name, title, writer]),
      [
        ['papers/c.txt', null, gateway.node.peerId],
        ['papers/notes.md', 'Notes', gateway.node.peerId],
        ['papers/page.html', 'Page', gateway.node.peerId]
      ]
    )
    const { facts } = (await gateway.node.memory.read('books', 'knowledge')) as { facts: object }
    const texts = JSON.stringify(facts)
    assert.match(texts, /The door is red.*The cat is grey/s)
    assert.doesNotMatch(texts, /blue|evil|PASSWORD|root:/)
    assert.equal((await cli(['memory', 'sources', 'books', '--remove', 'papers/c.txt'])).code, 0)
    assert.equal((await cli(['memory', 'sources', 'books', '--remove', 'papers/c.txt'])).code, 4)
  })

  it('says of a file that was named why it is not added, and of what is not there', async () => {
    await gateway.node.memory.create('none')
    await writeFile(join(empty, 'picture.png'), Uint8Array.of(0x89, 0x50, 0, 0))
    const binary = await cli(['memory', 'add', 'none', join(empty, 'picture.png')])
    assert.deepEqual(
      [binary.code, binary.stderr],
      [1, 'picture.png is not added: It is no text, HTML or PDF. (E_MEDIA_TYPE_UNSUPPORTED)\n']
    )
    assert.equal((await cli(['memory', 'add', 'none', 'nowhere.md'])).code, 1)
    assert.equal((await cli(['memory', 'add', 'none', '/dev/zero'])).code, 1)
    assert.equal((await cli(['memory', 'add', 'nospace', join(empty, 'picture.png')])).code, 4)
  })

  it('that is interrupted keeps what it has added, and goes on when it is run again', async () => {
    await gateway.node.memory.create('many')
    const many = join(empty, 'many')
    await mkdir(many)
    for (let n = 0; n < 50; n++) await writeFile(join(many, `${n}.txt`), `Text ${n}.`)
    const child = spawnCli(['memory', 'add', 'many', many], { home: gateway.home })
    await once(child.stdout!, 'data')
    child.kill('SIGINT')
    const [code] = await once(child, 'exit')
    assert.equal(code, 130)
    const before = (await gateway.node.memory.files('many')).length
    const { counts } = await added(['many', many])
    assert.ok(before > 0 && counts.unchanged >= before)
    assert.equal(counts.unchanged + counts.added, 50)
  })
})
