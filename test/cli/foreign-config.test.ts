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
import { run as install } from '../../cli/commands/mcp/install.ts'
import { changeForeignFile, withJson, withToml } from '../../cli/foreign-config.ts'
import { Output } from '../../cli/output.ts'
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
