/** `chat`: by a pipe as a process, and in a terminal of its own, which python3 makes where there is one. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { writeRunFile } from '../../storage/home/run-file.ts'
import { startGateway } from '../gateway/running-gateway.ts'
import { MAIN, runCli } from './run-cli.ts'

let gateway: Awaited<ReturnType<typeof startGateway>>

beforeAll(async () => {
  gateway = await startGateway()
  const { home, socketPath, node } = gateway
  const { peerId, name } = node
  const where = { socketPath, gateway: gateway.gateway.url!, startedAtMs: 0 }
  writeRunFile(home, { ...where, pid: process.pid, peerId, name, version: '0' })
})
afterAll(() => gateway[Symbol.asyncDispose]())
afterEach(() => {
  gateway.engine.beforeWord = async () => {}
})

const cli = (args: string[], options: object = {}) => runCli(args, { home: gateway.home, ...options })

describe('a pipe', () => {
  it('brings a question and takes the answer', async () => {
    const { code, stdout, stderr } = await cli(
      ['chat', 'held', '--system', 'Be brief.', '--max-tokens', '9'],
      {
        stdin: 'good morning'
      }
    )
    assert.deepEqual([code, stdout, stderr], [0, 'good morning\n', ''])
    expect(gateway.engine.lastRequest).toMatchObject({
      input: {
        messages: [
          { role: 'system', content: 'Be brief.' },
          { role: 'user', content: 'good morning' }
        ]
      },
      params: { maxTokens: 9 }
    })
  })

  it('gets one object with --json, from any model that writes text', async () => {
    const { code, stdout } = await cli(['chat', '--json'], { stdin: 'a b' })
    assert.equal(code, 0)
    const { model, content, finish_reason, meta } = JSON.parse(stdout)
    assert.deepEqual([model, content, finish_reason, meta.route], ['held', 'a b', 'stop', 'local'])
  })

  it('fails as other commands do', async () => {
    assert.equal((await cli(['chat', 'held'], { stdin: ' \n' })).code, 2)
    assert.equal((await cli(['chat', 'nobody/has:this'], { stdin: 'a' })).code, 7)
    assert.equal((await cli(['chat', 'held', '--peer', 'nowhere'], { stdin: 'a' })).code, 4)
  })
})

/** Types each text once the words before it are on the screen; prints the screen and the exit code as JSON. */
const TERMINAL = `
import json, os, pty, select, sys, time
steps, argv = json.loads(sys.argv[1]), sys.argv[2:]
pid, fd = pty.fork()
if pid == 0: os.execvp(argv[0], argv)
seen, at, end = b'', 0, time.time() + 25
while time.time() < end:
    if steps and steps[0][0].encode() in seen[at:]:
        at = len(seen); os.write(fd, steps.pop(0)[1].encode())
    if not select.select([fd], [], [], 0.05)[0]: continue
    try: data = os.read(fd, 4096)
    except OSError: break
    if not data: break
    seen += data
else: os.kill(pid, 9)
print(json.dumps({'screen': seen.decode(errors='replace'), 'left': steps, 'code': os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}))
`
/** As readline draws it, at the beginning of a line. */
const PROMPT = '\u001b[1G\u001b[0J> '
const hasTerminal = spawnSync('python3', ['-c', 'import pty']).status === 0
if (!hasTerminal) console.warn('chat in a terminal was not tested: there is no python3 to make one')

async function atTerminal(args: string[], steps: readonly (readonly [string, string])[]) {
  const { spawn } = await import('node:child_process')
  const { text } = await import('node:stream/consumers')
  const child = spawn('python3', ['-c', TERMINAL, JSON.stringify(steps), process.execPath, MAIN, ...args], {
    env: { PATH: process.env.PATH, LUMOS_HOME: gateway.home, TERM: 'xterm', NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const result = JSON.parse(await text(child.stdout)) as { screen: string; left: unknown[]; code: number }
  assert.deepEqual(result.left, [], JSON.stringify(result.screen))
  return result
}

describe.skipIf(!hasTerminal)('a terminal', () => {
  it('has a conversation, whose lines come back, and saves it', async () => {
    const file = join(gateway.home, 'talk.json')
    const { code, screen } = await atTerminal(
      ['chat', 'held'],
      [
        [PROMPT, 'first question\r'],
        [`\nfirst question\r\n${PROMPT}`, '\u001b[A again\r'],
        [`\nfirst question again\r\n${PROMPT}`, '/model\r'],
        ['held  held', '/model nothing\r'],
        ['MODEL_NOT_FOUND', '/peer nobody\r'],
        ['No member is called "nobody"', '/peer held\r'],
        ['may answer', `/save ${file}\r`],
        ['Saved in', '/exit\r']
      ]
    )
    assert.equal(code, 0, screen)
    const { model, messages } = JSON.parse(await readFile(file, 'utf8'))
    assert.equal(model, 'held')
    assert.deepEqual(
      messages.map(({ role, content }: { role: string; content: string }) => [role, content]),
      ['first question', 'first question again'].flatMap(content => [
        ['user', content],
        ['assistant', content]
      ])
    )
  })

  it('has a menu of what comes next, where no command is typed', async () => {
    const down = '\u001b[B'
    const { code, screen } = await atTerminal(
      [],
      [
        ['see all commands', `${down}${down}${down}x`],
        ['> 4', '2']
      ]
    )
    assert.equal(code, 0, screen)
    assert.match(
      screen,
      /^held runs in the mesh "[^"]+"\.\r\nConnected: 0 other devices\. Offered: \d+ models?\./
    )
    assert.match(screen, /invite another device {2}\(lumos-node invite\)/)
    assert.match(screen, /MODEL[\s\S]*\nheld /)
    assert.equal((await atTerminal([], [['see all commands', '\u0003']])).code, 0)
  })

  it('does not begin with a model that no device offers to write text', async () => {
    const { code, screen } = await atTerminal(['chat', 'helld'], [])
    assert.equal(code, 4, screen)
    assert.match(screen, /No device offers "helld" to write text\. Closest: held\./)
    assert.doesNotMatch(screen, /Talking to/)
  })

  it('stops an answer by Ctrl-C, and goes on', async () => {
    let words = 0
    gateway.engine.beforeWord = () => (words++ < 2 ? Promise.resolve() : new Promise(() => {}))
    const { code, screen } = await atTerminal(
      ['chat', 'held'],
      [
        [PROMPT, 'one two three four\r'],
        ['four\r\r\none two ', '\u0003'],
        ['(stopped)\r\n', '/peer\r'],
        // Before the prompt the terminal is not raw, and takes Ctrl-D for itself.
        [`Any device may answer.\r\n${PROMPT}`, '\u0004']
      ]
    )
    assert.equal(code, 0, screen)
    await vi.waitFor(() => assert.equal(gateway.engine.outcomes.at(-1), 'left'), 20_000)
  })
})
