import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { describe, it, onTestFinished } from 'vitest'
import { systemClock } from '../../interface/clock.ts'
import { LumosError } from '../../interface/errors.ts'
import { createLog, type LogOptions } from '../../node/log/log.ts'
import { LogFile } from '../../node/log/log-file.ts'
import { libp2pLogger } from '../../node/log/log-libp2p.ts'

const clock = { ...systemClock, wallMs: () => Date.UTC(2026, 0, 2, 3, 4, 5) }

function temporaryDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'lumos-log-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  return dir
}

/** A log, what it wrote to its file, and what it said on stderr. */
function watchedLog(options: Partial<LogOptions> & { colours?: boolean } = {}) {
  const dir = temporaryDir()
  let said = ''
  const stderr = Object.assign(
    new Writable({
      write(chunk, _encoding, done) {
        said += chunk
        done()
      }
    }),
    { isTTY: true, hasColors: () => options.colours ?? false }
  )
  const log = createLog({ clock, stderr, ...options })
  onTestFinished(() => log.close())
  return {
    log,
    dir,
    said: () => said,
    entries: () =>
      readFileSync(join(dir, 'lumos.log'), 'utf8')
        .trimEnd()
        .split('\n')
        .map(line => JSON.parse(line))
  }
}

describe('the log', () => {
  it('writes JSON lines to its file, those from before it was opened first', () => {
    const { log, dir, entries } = watchedLog()

    log.info({ port: 5867 }, 'Early.')
    log.openFile(dir)
    log.child({ component: 'swarm' }).warn({}, 'Late.')
    log.debug({}, 'Not asked for.')

    assert.deepEqual(entries(), [
      { level: 'info', time: '2026-01-02T03:04:05.000Z', port: 5867, msg: 'Early.' },
      { level: 'warn', time: '2026-01-02T03:04:05.000Z', component: 'swarm', msg: 'Late.' }
    ])
    assert.equal(statSync(join(dir, 'lumos.log')).mode & 0o777, 0o600)
  })

  it('tells people what matters, in a short line without colour where there is none', () => {
    const { log, said } = watchedLog()

    log.info({}, 'Details.')
    log.warn({ peer: 'den', err: new LumosError('STORE_FULL', 'No space.') }, 'Careful.')

    assert.match(said(), /^\d\d:\d\d:\d\d warn {2}Careful\. peer=den \(No space\.; STORE_FULL\)\n$/)
  })

  it('uses colour on a terminal that has it', () => {
    const { log, said } = watchedLog({ colours: true })
    log.error({}, 'Red.')
    assert.ok(said().includes('\u001b[31merror'))
  })

  it('lets no control character of a peer reach the terminal', () => {
    const { log, said } = watchedLog()
    log.warn({ name: 'a\u001b[2Jb\u202ec\u009bd\r\ne' }, 'Hello\u0007.')
    assert.match(said(), /Hello \. name=a \[2Jb c d e\n$/)
  })

  it('asks each of its two readers what it wants to know', () => {
    const { log, dir, said, entries } = watchedLog({ level: 'error', stderrLevel: 'debug' })
    log.openFile(dir)

    log.debug({}, 'For people.')
    log.error({}, 'For both.')

    assert.deepEqual(
      entries().map(entry => entry.msg),
      ['For both.']
    )
    assert.match(said(), /debug For people\.\n.*error For both\.\n$/)
  })

  it('never holds secrets or prompts', () => {
    const { log, dir, said } = watchedLog()
    log.openFile(dir)
    const secret = 'the-canary'

    log.warn({ token: secret, prompt: secret }, 'On top.')
    log.warn({ request: { input: secret, messages: [{ content: secret }] } }, 'Below.')
    log.warn({ call: { request: { input: { text: secret } } } }, 'Deep.')
    log.child({ session: { privateKey: secret } }).warn({}, 'Of a child.')

    const file = readFileSync(join(dir, 'lumos.log'), 'utf8')
    assert.equal(file.trimEnd().split('\n').length, 4)
    assert.ok(!file.includes(secret))
    assert.ok(!said().includes(secret))
  })

  it('bounds how often a peer causes one line, says how many were left out, and keeps other lines', () => {
    let nowMs = 0
    const { log, dir, entries } = watchedLog({ clock: { ...clock, monotonicMs: () => nowMs } })
    log.openFile(dir)
    for (let i = 0; i < 10_000; i++) log.warn({ peerId: `made-up-${i}` }, 'a peer was refused')
    log.warn({}, 'another line')
    nowMs += 1000
    log.child({ part: 'p' }).warn({ peerId: 'one more' }, 'a peer was refused')
    const written = entries()
    assert.ok(written.length < 100)
    assert.equal(written.at(-2).msg, 'another line')
    assert.equal(written.at(-1).leftOut, 10_000 - (written.length - 2))
  })

  it('survives a stderr whose reader is gone', () => {
    const { log, dir, entries } = watchedLog({
      stderr: new Writable({ write: (_chunk, _encoding, done) => done(new Error('EPIPE')) })
    })
    log.openFile(dir)
    log.warn({}, 'One.')
    log.warn({}, 'Two.')
    assert.equal(entries().length, 2)
  })
})

describe('the file of the log', () => {
  it('is followed by a new one when it is full; the oldest go', () => {
    const dir = temporaryDir()
    const file = new LogFile(100)
    file.open(dir)

    for (let n = 0; n < 200; n++) file.write(`${JSON.stringify({ n })}\n`)
    file.close()

    const names = readdirSync(dir).sort()
    assert.deepEqual(names, ['lumos.1.log', 'lumos.2.log', 'lumos.3.log', 'lumos.4.log', 'lumos.log'])
    for (const name of names) assert.ok(statSync(join(dir, name)).size < 120)
    const kept = ['lumos.4.log', 'lumos.3.log', 'lumos.2.log', 'lumos.1.log', 'lumos.log']
      .flatMap(name => readFileSync(join(dir, name), 'utf8').trimEnd().split('\n'))
      .map(line => JSON.parse(line).n)
    assert.deepEqual(
      kept,
      Array.from({ length: kept.length }, (_, i) => 200 - kept.length + i)
    )
  })

  it('goes on where the last process stopped', () => {
    const dir = temporaryDir()
    for (const text of ['one\n', 'two\n']) {
      const file = new LogFile()
      file.open(dir)
      file.write(text)
      file.close()
    }
    assert.equal(readFileSync(join(dir, 'lumos.log'), 'utf8'), 'one\ntwo\n')
  })

  it('that cannot be written costs lines, not the node, and says so afterwards', () => {
    const dir = temporaryDir()
    const file = new LogFile(10)
    file.open(dir)
    file.write('0123456789\n')

    rmSync(dir, { recursive: true })
    file.write('lost\n')
    file.write('lost\n')
    file.close()
    file.open(dir)
    file.write('back\n')
    file.close()

    const [notice, line] = readFileSync(join(dir, 'lumos.log'), 'utf8').split('\n')
    assert.equal(JSON.parse(notice!).lost, 2)
    assert.equal(line, 'back')
  })
})

describe("libp2p's log", () => {
  it('becomes debug lines with the name of the component', () => {
    const { log, dir, entries } = watchedLog({ level: 'debug' })
    log.openFile(dir)
    const logger = libp2pLogger(log).forComponent('libp2p:tcp')

    logger('dialling %a as %p, %d of %d', { toString: () => '/ip4/10.0.0.1' }, { toString: () => 'Qm' }, 1, 2)
    logger.newScope('7').error('failed - %e', new TypeError('no'))
    logger.error(new Error('bare'))
    logger.trace('everything')

    assert.equal(logger.enabled, true)
    assert.deepEqual(
      entries().map(({ level, component, msg }) => [level, component, msg]),
      [
        ['debug', 'libp2p:tcp', 'dialling /ip4/10.0.0.1 as Qm, 1 of 2'],
        ['debug', 'libp2p:tcp:7', 'failed - TypeError: no'],
        ['debug', 'libp2p:tcp', 'Error: bare']
      ]
    )
  })

  it('costs nothing when nobody reads it', () => {
    const { log } = watchedLog()
    const logger = libp2pLogger(log).forComponent('libp2p:tcp')
    const expensive = {
      toString() {
        assert.fail('was formatted')
      }
    }

    logger('%p', expensive)
    logger.error('%p', expensive)

    assert.equal(logger.enabled, false)
  })
})
