/** Changes to configuration files of other programs. */

import assert from 'node:assert/strict'
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
import { dirname, join } from 'node:path'
import { Writable } from 'node:stream'
import { describe, it, onTestFinished, vi } from 'vitest'
import { hasRoom, modelFor } from '../../cli/commands/connect/model.ts'
import { firstModel } from '../../cli/commands/inference/listed.ts'
import { run as install } from '../../cli/commands/mcp/install.ts'
import { changeForeignFile, withJson, withToml } from '../../cli/foreign-config.ts'
import { Output } from '../../cli/output.ts'
import { mustStay, SCRIPT } from '../../cli/own-command.ts'
import { createProgram } from '../../cli/program.ts'

const SERVER = { command: 'lumos-node', args: ['mcp', 'serve'] }
const PATH = ['mcpServers', 'lumos']
const entry = (indent: string, more = '') => `${indent}"lumos": {\n${indent}  "command": "lumos-node"${more}`

function setUp() {
  const folder = mkdtempSync(join(tmpdir(), 'lumos-foreign-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const written: string[] = []
  const sink = new Writable({
    write(chunk, _encoding, done) {
      written.push(String(chunk))
      done()
    }
  }) as unknown as NodeJS.WriteStream
  const output = new Output({ json: false, stdout: sink, stderr: sink, utf8: true })
  return { folder, path: join(folder, 'config.json'), output, written }
}

describe('a value set in JSON with comments', () => {
  it.each([
    ['nothing', undefined],
    ['no characters', ' \n'],
    ['an empty object', '{}'],
    ['an empty object with a comment', '{\n  // servers come here\n}\n'],
    ['other settings', '{\n  "a": [1, 2], // one\n  "b": "x{"\n}\n'],
    ['other servers', '{\n  "mcpServers": {\n    "other": { "url": "http://a//b" } /* mine */,\n  },\n}\n'],
    ['an older entry', '{ "mcpServers": {"lumos": {"command": "old"}, "z": null} }'],
    ['tabs and CRLF', '{\r\n\t"mcpServers": {\r\n\t\t"a": {} // b\r\n\t}\r\n}\r\n'],
    ['a mark at the beginning', '\ufeff{ "a": 1 }']
  ])('in a file that holds %s keeps what is there', (_, before) => {
    const after = withJson(before, PATH, SERVER)
    const plain = after.replace(/^\ufeff/, '').replace(/("(?:[^"\\]|\\.)*")|\/\/.*|\/\*.*?\*\//g, '$1')
    const read = JSON.parse(plain.replace(/,(?=\s*[}\]])/g, ''))
    assert.deepEqual(read.mcpServers.lumos, SERVER)
    for (const word of before?.match(/\/\/ \w+.*|\/\*.*?\*\/|"(?:a|b|other|z|url)": ?[^\s]+/g) ?? [])
      assert.ok(after.includes(word), `${word} in ${after}`)
    assert.equal(withJson(after, PATH, SERVER), after)
  })

  it('puts the entry after the last one and its comment, in the indentation of the file', () => {
    const before = '{\n  "mcpServers": {\n    "other": {} // mine\n  }\n}\n'
    const { command } = SERVER
    assert.equal(
      withJson(before, PATH, { command }),
      `{\n  "mcpServers": {\n    "other": {}, // mine\n${entry('    ')}\n    }\n  }\n}\n`
    )
  })

  it.each([
    '{',
    '[]',
    '{"mcpServers": []}',
    '{"a" 1}',
    '{"a": 1 "b": 2}',
    '{} {}',
    '{"a": \u0001}',
    '['.repeat(9999)
  ])('refuses %s', text => {
    assert.throws(() => withJson(text, PATH, SERVER), { code: 'INVALID_INPUT' })
  })
})

describe('a table set in TOML', () => {
  const TABLE = 'mcp_servers.lumos'

  const OWN = `[${TABLE}]\ncommand = "lumos-node"\nargs = ["mcp", "serve"]\n`

  it.each([
    ['nothing', undefined, OWN],
    ['settings', 'model = "o3" # mine\n', `model = "o3" # mine\n\n${OWN}`],
    [
      'an older table',
      `model = "o3"\n\n[${TABLE}]\ncommand = "old"\n\n# the next\n[other]\na = 1\n`,
      `model = "o3"\n\n${OWN}\n# the next\n[other]\na = 1\n`
    ],
    ['a table below it', `[${TABLE}.env]\nA = "b"\n`, `[${TABLE}.env]\nA = "b"\n\n${OWN}`],
    ['marks of a text in a comment', `# """\n[${TABLE}]\ncommand = "old"\n`, `# """\n${OWN}`],
    ['its name in a text', `text = '''\n[${TABLE}]\n'''\n`, `text = '''\n[${TABLE}]\n'''\n\n${OWN}`]
  ])('in a file that holds %s keeps what is there', (_, before, after) => {
    assert.equal(withToml(before, TABLE, SERVER), after)
    assert.equal(withToml(after, TABLE, SERVER), after)
  })

  it.each([
    'mcp_servers = { lumos = { command = "a" } }',
    '[mcp_servers]\nlumos = { command = "a" }',
    'mcp_servers.lumos.command = "a"'
  ])('refuses %s, and says what to write', text => {
    assert.throws(() => withToml(text, TABLE, SERVER), { code: 'INVALID_INPUT', hint: /by hand/ })
  })
})

describe('a changed file of another program', () => {
  const edit = (text: string | undefined) => withJson(text, PATH, SERVER)

  it('leaves a copy of what was there, keeps its mode, and is not written twice', async () => {
    const { path, output, written } = setUp()
    writeFileSync(path, '{ "a": 1 }', { mode: 0o640 })
    const change = await changeForeignFile({ path, edit }, { yes: true }, output)
    assert.equal(change.state, 'written')
    assert.equal(readFileSync(change.backup!, 'utf8'), '{ "a": 1 }')
    assert.equal(readFileSync(path, 'utf8'), edit('{ "a": 1 }'))
    assert.equal(statSync(path).mode & 0o777, 0o640)
    assert.match(written.join(''), /^\+ .*"lumos"/m)
    assert.equal((await changeForeignFile({ path, edit }, { yes: true }, output)).state, 'unchanged')
    writeFileSync(path, '{ "a": 2 }')
    await changeForeignFile({ path, edit }, { yes: true }, output)
    assert.equal(readFileSync(change.backup!, 'utf8'), '{ "a": 1 }')
  })

  it('is only shown with --print, and where nobody says yes', async () => {
    const { path, output, written } = setUp()
    assert.equal((await changeForeignFile({ path, edit }, { print: true }, output)).state, 'printed')
    assert.match(written.join(''), /lumos-node/)
    await assert.rejects(changeForeignFile({ path, edit }, {}, output), { code: 'USAGE' })
    assert.throws(() => statSync(path), { code: 'ENOENT' })
  })

  it('behind a link is changed where it lies, and the link stays', async () => {
    const { folder, path, output } = setUp()
    const kept = join(folder, 'kept.json')
    writeFileSync(kept, '{}')
    symlinkSync(kept, path)
    await changeForeignFile({ path, edit }, { yes: true }, output)
    assert.equal(readFileSync(kept, 'utf8'), edit('{}'))
    assert.equal(readFileSync(path, 'utf8'), edit('{}'))
  })

  it('is left as it is where it cannot be understood', async () => {
    const { path, output } = setUp()
    for (const bytes of [Buffer.from('{ "a"'), Buffer.from([0x7b, 0xff, 0x7d])]) {
      writeFileSync(path, bytes)
      await assert.rejects(changeForeignFile({ path, edit }, { yes: true }, output), {
        code: 'INVALID_INPUT'
      })
      assert.deepEqual(readFileSync(path), bytes)
    }
  })
})

describe('the model that a program is led to', () => {
  const listed = (id: string, size: number | null, more: Record<string, unknown> = {}) =>
    ({
      ...{ id, name: id, type: 'text-generation', status: 'ready', format: null, size },
      ...{ requirements: null, weights: null },
      providers: [{ context_tokens: null, takes_images: false, leaves_mesh: false, ...more }]
    }) as unknown as Parameters<typeof modelFor>[0][number]
  const cloud = listed('a-cloud', null, { leaves_mesh: true })
  const toy = listed('a-toy', 9_000, { context_tokens: 512 })

  it('is the largest with room for an agent, and none that leaves the mesh', () => {
    const small = listed('b-small', 1_000, { context_tokens: 32_768, takes_images: true })
    const large = listed('c-large', 2_000)
    const { id, contextTokens, takesImages } = modelFor([cloud, toy, small], undefined)
    assert.deepEqual([id, contextTokens, takesImages], ['b-small', 32_768, true])
    assert.equal(modelFor([cloud, toy, small, large], undefined).id, 'c-large')
    assert.equal(modelFor([cloud, toy], undefined).id, 'a-toy')
    assert.deepEqual(
      [hasRoom(modelFor([toy], undefined)), hasRoom(modelFor([large], undefined))],
      [false, true]
    )
  })

  it('leaves the mesh where it is named, and may come later; without a name it never does', () => {
    assert.equal(modelFor([cloud], 'a-cloud').leavesMesh, true)
    assert.deepEqual(modelFor([cloud], 'later'), {
      ...{ id: 'later', contextTokens: undefined, takesImages: false, leavesMesh: false }
    })
    assert.throws(() => modelFor([cloud], undefined), { code: 'MODEL_NOT_FOUND', hint: /--model a-cloud/ })
    assert.throws(() => modelFor([], undefined), { code: 'MODEL_NOT_FOUND', hint: /models pull/ })
  })

  it('is chosen for a conversation in the same way', () => {
    const models = [
      { id: 'cloud', ready: true, leaves_mesh: true, devices: ['den'] },
      { id: 'cold', ready: false, leaves_mesh: false, devices: ['den'] },
      { id: 'warm', ready: true, leaves_mesh: false, devices: ['den'] }
    ]
    assert.equal(firstModel(models).id, 'warm')
    assert.equal(firstModel(models.slice(0, 2)).id, 'cold')
    assert.throws(() => firstModel(models.slice(0, 1)), {
      code: 'NO_PROVIDER',
      hint: /lumos-node chat cloud$/
    })
    assert.throws(() => firstModel([]), { code: 'NO_PROVIDER' })
  })
})

describe('what another program starts', () => {
  it('finds Node, this installation and its home without the variables of a shell', async () => {
    const { folder, output } = setUp()
    vi.stubEnv('HOME', folder)
    vi.stubEnv('LUMOS_HOME', join(folder, 'elsewhere'))
    onTestFinished(() => void vi.unstubAllEnvs())
    await install({ args: ['cursor'], output, program: createProgram(false), options: { yes: true } })
    const { command, args } = JSON.parse(readFileSync(join(folder, '.cursor', 'mcp.json'), 'utf8')).mcpServers
      .lumos
    assert.deepEqual(
      [command, ...args],
      [...[process.execPath, SCRIPT, '--home', join(folder, 'elsewhere'), 'mcp', 'serve']]
    )
    assert.ok(existsSync(SCRIPT))
  })

  it('is no script that is gone some day', () => {
    const script = '/home/me/.npm/_npx/0123/node_modules/lumos-node/cli/lumos-node.cjs'
    assert.throws(() => mustStay(script), { code: 'CONFIG_INVALID', hint: /npm install -g/ })
    mustStay('/usr/lib/node_modules/lumos-node/cli/lumos-node.cjs')
  })
})

describe('mcp install', () => {
  it.each([
    ['claude', '.claude.json', '{ "theme": "dark" }', /"theme": "dark"[\s\S]*"mcpServers"/],
    ['cursor', '.cursor/mcp.json', undefined, /"mcpServers"/],
    [
      'codex',
      '.codex/config.toml',
      'model = "o3" # mine\n',
      /^model = "o3" # mine\n\n\[mcp_servers\.lumos\]\n/
    ]
  ])(
    'adds the node to the configuration of %s, once, and keeps the rest',
    async (client, name, before, after) => {
      const { folder, output } = setUp()
      vi.stubEnv('HOME', folder)
      onTestFinished(() => void vi.unstubAllEnvs())
      const path = join(folder, name)
      if (before !== undefined) {
        mkdirSync(dirname(path), { recursive: true })
        writeFileSync(path, before)
      }
      const invocation = { args: [client], output, program: createProgram(false) }
      await install({ ...invocation, options: { print: true } })
      assert.equal(existsSync(path), before !== undefined)
      await install({ ...invocation, options: { yes: true, tools: 'inference.*' } })
      const text = readFileSync(path, 'utf8')
      assert.match(text, after)
      assert.deepEqual(
        [...text.matchAll(/"([\w-]*|inference\.\*)"(?=[,\]\s])/g)].map(([, word]) => word).slice(-4),
        ['mcp', 'serve', '--tools', 'inference.*']
      )
      await install({ ...invocation, options: { yes: true, tools: 'inference.*' } })
      assert.equal(readFileSync(path, 'utf8'), text)
      await assert.rejects(install({ ...invocation, args: ['other'], options: {} }), { code: 'USAGE' })
    }
  )
})
