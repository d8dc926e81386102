/** `top`: what is shown for what is known, and that the terminal gets back what it had. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { ANSWER_MS, ASKED_MAX, Collector } from '../../cli/commands/top/collector.ts'
import { columnCount, listing } from '../../cli/commands/top/columns.ts'
import { FIRST_VIEW, keysOf, pressed, type View } from '../../cli/commands/top/keys.ts'
import { render } from '../../cli/commands/top/render.ts'
import type { Snapshot } from '../../cli/commands/top/snapshot.ts'
import { sparkline } from '../../cli/commands/top/spark.ts'
import { widthOf } from '../../cli/output.ts'
import { writeRunFile } from '../../storage/home/run-file.ts'
import { startGateway } from '../gateway/running-gateway.ts'
import { MAIN, runCli } from './run-cli.ts'

const device = (name: string, more: object = {}) => ({
  ...{ peerId: name, name, role: 'member', state: 'online' as const, path: 'tcp/tls', rttMs: 4.2, load: 0.5 },
  ...{
    loads: [0, 0.5, 1],
    memoryUsed: 2 ** 30,
    memoryTotal: 2 ** 34,
    models: ['a', 'b'],
    running: 1,
    queued: 2
  },
  ...more
})

const SNAPSHOT: Snapshot = {
  ...{ mesh: 'home', name: 'desk', version: '0.1.0' },
  devices: [
    device('tower', { load: 0.1 }),
    device('attic', { state: 'offline', path: null, rttMs: null, load: null, loads: [] }),
    device('evil\u001b[2J\u202ename\nrow')
  ],
  models: [
    {
      id: 'm',
      type: 'text-generation',
      status: 'warm',
      size: 1e9,
      devices: ['tower'],
      tokensPerSecond: 12.34
    }
  ],
  requests: [
    ...[
      { requestId: '0123456789', model: 'm', task: 'text-generation', device: 'tower', state: 'running' }
    ].map(one => ({ ...one, durationMs: 1500, firstChunkMs: 200, chunks: 7 }))
  ]
}
const KNOWN = { snapshot: SNAPSHOT, perSecond: [0, 2, 4], failure: undefined }
const SHAPE = { rows: 24, columns: 120, utf8: true, paint: (_: string, text: string) => text }
const shown = (view: Partial<View> = {}, shape: object = {}, known: object = {}): string[] =>
  render({ ...KNOWN, ...known }, { ...FIRST_VIEW, ...view }, { ...SHAPE, ...shape })

describe('what top shows', () => {
  it('has devices, models and requests, each with its columns', () => {
    const devices = shown()
    assert.match(devices[0]!, /^home {2}2 of 3 devices online {2}seen from desk/)
    assert.match(devices[1]!, /▁▅█ 4, at most 4 {2}running 1$/)
    assert.match(devices.join('\n'), /tower +online +▁▅█ +10 % +1\.0 GiB of 16\.0 GiB +1 \+ 2 wait +4\.2 ms/)
    assert.match(devices.join('\n'), /attic +offline +– +/)
    assert.match(shown({ name: 'models' }).join('\n'), /m +warm +text-generation +954 MiB +12\.3 +tower/)
    assert.match(
      shown({ name: 'requests' }).join('\n'),
      /01234567 +running +m +text-generation +tower +200 ms/
    )
    assert.match(shown({ help: true }).join('\n'), /sort by the next column/)
    assert.match(shown({ paused: true }).join('\n'), /paused/)
    assert.match(shown({}, {}, { snapshot: undefined }).join('\n'), /Reading the mesh/)
    assert.match(shown({}, {}, { failure: 'The node is away.' }).join('\n'), /The node is away\./)
  })

  it('keeps to the terminal, however small', () => {
    for (const [rows, columns] of [
      [24, 80],
      [10, 40],
      [4, 20],
      [1, 5],
      [50, 300]
    ] as const) {
      for (const name of ['devices', 'models', 'requests'] as const) {
        const lines = shown({ name }, { rows, columns })
        assert.ok(lines.length <= rows, `${lines.length} rows of ${rows}`)
        // A terminal of 20 columns has no room for the least columns, which it cuts.
        if (columns >= 40) for (const line of lines) assert.ok(widthOf(line) <= columns, line)
      }
    }
  })

  it('lets the text of other devices act on nothing, and is ASCII where the terminal is', () => {
    const lines = shown()
    assert.ok(lines.every(line => !/[\p{Cc}\u202e]/u.test(line)))
    assert.match(lines.join('\n'), /evil \[2J name row/)
    assert.ok(shown({}, { utf8: false }).every(line => /^[\x20-\x7e]*$/.test(line)))
    assert.equal(sparkline([0, 1, 2], 5, 2, false), '  _=#')
  })

  it('marks the selected row by a sign, and keeps it on the screen', () => {
    const many = { ...SNAPSHOT, devices: Array.from({ length: 200 }, (_, n) => device(`d${1000 + n}`)) }
    const lines = shown({ selected: 150 }, {}, { snapshot: many })
    assert.deepEqual(
      lines.filter(line => line.startsWith('>')).map(line => line.slice(2, 7)),
      ['d1150']
    )
    assert.equal(lines.length, 24)
  })

  it('sorts by each column', () => {
    const firstBy = (sort: number) => listing(SNAPSHOT, 'devices', sort, true).cells[0]![0]!
    assert.equal(firstBy(0), 'attic')
    assert.match(firstBy(2), /^evil/)
    for (const view of ['devices', 'models', 'requests'] as const)
      for (let sort = 0; sort < columnCount(view); sort++) listing(SNAPSHOT, view, sort, true)
  })
})

describe('the keys of top', () => {
  const typing = (typed: string) =>
    keysOf(typed).reduce<View | undefined>(
      (view, key) => view && pressed(view, key, { rows: 3, columns: 8 }),
      FIRST_VIEW
    )
  it('change the view, move, sort, pause, help and end, also several at once', () => {
    assert.equal(typing('\t')!.name, 'models')
    assert.equal(typing('\t\t\t')!.name, 'devices')
    assert.equal(typing('3')!.name, 'requests')
    assert.equal(typing('\u001b[B\u001b[Bjjj')!.selected, 2)
    assert.equal(typing('\u001b[B\u001b[A\u001bOA')!.selected, 0)
    assert.equal(typing('\u001b[F')!.selected, 2)
    assert.equal(typing('ss')!.sort, 2)
    assert.equal(typing('p')!.paused, true)
    assert.equal(typing('?')!.help, true)
    assert.equal(typing('?\u001b')!.help, false)
    assert.equal(typing('xé\u001b[99Z')!.name, 'devices')
    for (const end of ['q', '\u0003', '\u0004']) assert.equal(typing(end), undefined)
  })
})

describe('the collector of top', () => {
  it('asks a bounded number of devices side by side, each in its turn, and waits for none', async () => {
    const ids = Array.from({ length: 20 }, (_, n) => `p${n}`)
    const open = new Map<string, () => void>()
    const asked: string[] = []
    const status = { peer_id: 'self', name: 'desk', mesh: 'home', version: '1', yielding: [], drained: false }
    const answers: Record<string, object> = {
      'mesh.status': { ...status, requests: { running: 0, queued: 0 } },
      'mesh.members': { items: ids.map(peer_id => ({ peer_id, name: peer_id, role: 'member' })) },
      'mesh.peers': {
        items: ids.map(peer_id => ({ peer_id, path: 'tcp/tls', rtt_ms: 1, capabilities: [] }))
      },
      'device.metrics': { utilization: 0.5, memory_used: 1, memory_total: 2 },
      'model.list': { items: [] },
      'inference.requests': { items: [] }
    }
    const execute = async (unit: string, _: unknown, options: { peer?: string; timeoutMs?: number } = {}) => {
      if (options.peer !== undefined) {
        assert.equal(options.timeoutMs, ANSWER_MS)
        if (unit === 'mesh.status') asked.push(options.peer)
        await new Promise<void>(resolve => open.set(`${options.peer} ${unit}`, resolve))
        if (options.peer === 'p1') throw new Error('refused')
      }
      return { data: answers[unit] }
    }
    const collector = new Collector({ execute } as never, () => 0)
    const { signal } = new AbortController()
    const first = await collector.read(signal)
    assert.equal(first.devices[0]!.load, null)
    assert.deepEqual(asked, ids.slice(0, ASKED_MAX))
    await collector.read(signal)
    assert.equal(asked.length, ASKED_MAX)
    for (const done of open.values()) done()
    await collector.settled()
    const second = await collector.read(signal)
    assert.deepEqual(asked.slice(ASKED_MAX), ids.slice(ASKED_MAX, 2 * ASKED_MAX))
    assert.equal(second.devices[0]!.load, 0.5)
    assert.deepEqual(second.devices[0]!.loads, [0.5])
    assert.equal(second.devices[1]!.load, null)
  })
})

describe('top as a process', () => {
  let gateway: Awaited<ReturnType<typeof startGateway>>
  beforeAll(async () => {
    gateway = await startGateway()
    const { home, socketPath, node } = gateway
    const { peerId, name } = node
    const url = gateway.gateway.url!
    writeRunFile(home, {
      pid: process.pid,
      peerId,
      name,
      version: '0',
      socketPath,
      gateway: url,
      startedAtMs: 0
    })
  })
  afterAll(() => gateway[Symbol.asyncDispose]())

  it('prints one table without a terminal, and one object with --json', async () => {
    const [table, json] = await Promise.all([
      runCli(['top'], { home: gateway.home }),
      runCli(['top', '--json'], { home: gateway.home })
    ])
    assert.deepEqual([table.code, table.stderr], [0, ''])
    assert.match(table.stdout, /^DEVICE +STATE +LOAD/)
    assert.ok(!table.stdout.includes('\u001b['))
    assert.deepEqual([json.code, json.stderr], [0, ''])
    const { devices, models, requests } = JSON.parse(json.stdout)
    assert.equal(devices[0].peer_id, gateway.node.peerId)
    assert.ok(devices[0].load >= 0 && models.length > 0 && Array.isArray(requests))
  })

  const SCRIPT = '/usr/bin/script'
  it.skipIf(process.platform !== 'linux' || !existsSync(SCRIPT)).each([
    ['q', 'q', 0],
    ['ctrl-c', '\u0003', 0],
    ['SIGTERM', undefined, 143]
  ])('gives the terminal back after %s', async (_, key, code) => {
    const command = `echo pid $$; exec '${process.execPath}' '${MAIN}' top`
    const env = { ...process.env, LUMOS_HOME: gateway.home, TERM: 'xterm', LANG: 'C.UTF-8' }
    const child = spawn(SCRIPT, ['-qec', command, '/dev/null'], { env })
    let seen = ''
    const shows = (words: string) =>
      new Promise<void>(resolve => {
        const look = () => seen.includes(words) && resolve()
        child.stdout.on('data', look)
        look()
      })
    child.stdout.on('data', data => {
      seen += data
    })
    const exited = new Promise<number | null>(resolve => child.on('close', resolve))
    await shows('devices online')
    if (key === undefined) process.kill(Number(/pid (\d+)/.exec(seen)![1]), 'SIGTERM')
    else {
      child.stdin.write('2')
      await shows('[2 models]')
      child.stdin.write(key)
    }
    assert.equal(await exited, code)
    assert.ok(seen.includes('\u001b[?1049h\u001b[?25l'))
    assert.ok(seen.endsWith('\u001b[?25h\u001b[?1049l'), JSON.stringify(seen.slice(-40)))
  })
})
