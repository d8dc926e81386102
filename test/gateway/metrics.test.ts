/** What a node counts, as Prometheus reads it, and the dashboard that is made of it. */

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { Counter, exposition, gauge, Histogram } from '../../interface/metrics.ts'
import { startGateway } from './running-gateway.ts'

const DASHBOARD = join(import.meta.dirname, '../../examples/grafana/lumos-node.json')
const hasPrometheus = spawnSync('prometheus', ['--version']).status === 0

interface Dashboard {
  readonly panels: readonly {
    readonly title: string
    readonly targets: readonly { readonly expr: string }[]
  }[]
}
const queries = (): string[] =>
  (JSON.parse(readFileSync(DASHBOARD, 'utf8')) as Dashboard).panels.flatMap(({ targets }) =>
    targets.map(({ expr }) => expr)
  )

let gateway: Awaited<ReturnType<typeof startGateway>>
let text: string

beforeAll(async () => {
  gateway = await startGateway()
  const input = { messages: [{ role: 'user', content: 'a b c' }] }
  const unit = 'inference.run'
  const asked = await gateway.local('/api/v2/execute', {
    unit,
    input: { model: 'held', task: 'text-generation', input }
  })
  assert.equal(asked.status, 200)
  await gateway.local('/api/v2/execute', { unit: 'model.get', input: { model_id: 'nowhere' } })
  const { events } = gateway.node
  const emit = gateway.emit
  const task = 'text-generation'
  emit('inference.serving_ended', { requestId: 'r', task, model: 'held', peerId: 'p', durationMs: 20 })
  emit('job.progress', {
    ...{ jobId: 'j', kind: 'model.pull' },
    progress: {
      ...{ done: 30, total: 30, unit: 'bytes', message: '' },
      sources: [
        { from: gateway.node.peerId, amount: 20 },
        { from: 'huggingface.co', amount: 7 },
        { from: 'disk', amount: 3 }
      ]
    }
  })
  emit('job.changed', { jobId: 'j', kind: 'model.pull', state: 'done' })
  emit('model.evicted', { modelId: 'held' })
  assert.ok(events.position.sequence > 0)
  const scraped = await gateway.tcp('/metrics')
  assert.equal(scraped.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8')
  text = scraped.body
  assert.match((await gateway.local('/api/v2/metrics')).body, /^# HELP /)
})

afterAll(() => gateway[Symbol.asyncDispose]())

describe('the metrics of a node', () => {
  it('count what has happened, by bounded names', () => {
    for (const line of [
      'lumos_requests_total{task="text-generation",outcome="ok",route="local"} 1',
      'lumos_request_duration_seconds_count{task="text-generation",model="held"} 1',
      'lumos_request_first_chunk_seconds_count{task="text-generation",model="held"} 1',
      'lumos_served_requests_total{task="text-generation",outcome="ok"} 1',
      'lumos_unit_calls_total{unit="inference.run",outcome="ok"} 1',
      'lumos_unit_calls_total{unit="model.get",outcome="MODEL_NOT_FOUND"} 1',
      'lumos_weights_received_bytes_total{source="peer"} 20',
      'lumos_weights_received_bytes_total{source="origin"} 7',
      'lumos_weights_received_bytes_total{source="disk"} 3',
      'lumos_jobs_total{kind="model.pull",state="done"} 1',
      'lumos_model_unloads_total{reason="evicted"} 1',
      'lumos_model_slots{model="held"} 4',
      'lumos_peers 0',
      'lumos_events_lost_total 0'
    ]) {
      assert.ok(text.includes(`\n${line}\n`), `${line}\n${text}`)
    }
    assert.match(text, /^lumos_resident_memory_bytes [1-9]\d+$/m)
    assert.match(text, /^lumos_build_info\{version="[\d.a-z-]+",node="24/m)
  })

  it('have no name of a peer in them, and one family a name', () => {
    assert.ok(!text.includes(gateway.node.peerId))
    const names = [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name)
    assert.equal(new Set(names).size, names.length)
    assert.ok(names.every(name => /^lumos_[a-z_]+$/.test(name!)))
  })

  it('are for callers with the token', async () => {
    assert.equal((await gateway.tcp('/metrics', undefined, { authorization: '' })).status, 401)
  })

  it('have each metric that a panel of the dashboard asks for', () => {
    const samples = new Set([...text.matchAll(/^(lumos_\w+)[{ ]/gm)].map(([, name]) => name))
    const asked = queries().flatMap(query => [...query.matchAll(/lumos_\w+/g)].map(([name]) => name))
    assert.ok(asked.length > 30)
    // Families without samples yet say their type.
    const known = (name: string) =>
      samples.has(name) || new RegExp(`^# TYPE ${name.replace(/_bucket$/, '')} `, 'm').test(text)
    assert.deepEqual(
      asked.filter(name => !known(name)),
      []
    )
  })

  // Debian's package `prometheus`, 330 MB: where it is not installed, this is shown as skipped.
  it.skipIf(!hasPrometheus)(
    'are scraped by Prometheus, which answers each query of the dashboard',
    async () => {
      const checked = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' })
      assert.equal(checked.status, 0, checked.stderr + checked.stdout)
      await using prometheus = await scraping(gateway)
      // Two scrapes make a rate.
      await prometheus.until('count_over_time(up{job="lumos"}[1m]) > 1')
      assert.equal((await prometheus.ask('up{job="lumos"} == 1')).length, 1)
      for (const query of queries()) {
        const asked = query.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.*')
        const found = await prometheus.ask(asked)
        // Of what did not happen here there is no series.
        const never = /first|load|jobs|weights|served|tokens/.test(query)
        assert.ok(never || found.length > 0, query)
      }
    }
  )
})

async function scraping({ port, token }: { port: number; token: string }) {
  const folder = await mkdtemp(join(tmpdir(), 'lumos-prometheus-'))
  const job = {
    job_name: 'lumos',
    authorization: { credentials: token },
    static_configs: [{ targets: [`127.0.0.1:${port}`] }]
  }
  const file = join(folder, 'prometheus.yml')
  // JSON is YAML.
  await writeFile(file, JSON.stringify({ global: { scrape_interval: '200ms' }, scrape_configs: [job] }))
  const flags = [`--config.file=${file}`, `--storage.tsdb.path=${folder}`, '--web.listen-address=127.0.0.1:0']
  const child = spawn('prometheus', flags, { stdio: ['ignore', 'ignore', 'pipe'] })
  let url = ''
  for await (const line of createInterface({ input: child.stderr })) {
    const [, address] = /msg="Listening on" address=(\S+)/.exec(line) ?? []
    if (address === undefined) continue
    url = `http://${address}`
    break
  }
  child.stderr.resume()
  const ask = async (query: string): Promise<unknown[]> => {
    const response = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(query)}`)
    const { status, error, data } = (await response.json()) as Answer
    assert.equal(status, 'success', `${query}: ${error}`)
    return data.result
  }
  return {
    ask,
    /** Prometheus has no event for a scrape: it is asked until it has made them. */
    async until(query: string) {
      while ((await ask(query)).length === 0);
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await once(child, 'exit')
      await rm(folder, { recursive: true })
    }
  }
}

interface Answer {
  readonly status: string
  readonly error?: string
  readonly data: { readonly result: unknown[] }
}

describe('the text of metrics', () => {
  it('has escaped labels, and whole histograms', () => {
    const counter = new Counter('lumos_x_total', 'A \\ and\na line.', ['name'])
    counter.add(2, 'a"\\\nlumos_y 1\u001b')
    const histogram = new Histogram('lumos_s_seconds', 'S.', [], [0.1, 1])
    for (const value of [0.1, 0.5, 7]) histogram.observe(value)
    assert.equal(
      exposition([counter.family, histogram.family, gauge('lumos_g', 'G.', Number.POSITIVE_INFINITY)]),
      [
        '# HELP lumos_x_total A \\\\ and\\na line.',
        '# TYPE lumos_x_total counter',
        'lumos_x_total{name="a\\"\\\\\\nlumos_y 1 "} 2',
        '# HELP lumos_s_seconds S.',
        '# TYPE lumos_s_seconds histogram',
        'lumos_s_seconds_bucket{le="0.1"} 1',
        'lumos_s_seconds_bucket{le="1"} 2',
        'lumos_s_seconds_bucket{le="+Inf"} 3',
        'lumos_s_seconds_sum 7.6',
        'lumos_s_seconds_count 3',
        '# HELP lumos_g G.',
        '# TYPE lumos_g gauge',
        'lumos_g +Inf',
        ''
      ].join('\n')
    )
  })

  it('counts what comes with too many names under one', () => {
    const counter = new Counter('lumos_x_total', 'X.', ['name'])
    for (let n = 0; n < 1000; n++) counter.add(1, `n${n}`)
    const { samples } = counter.family
    assert.equal(samples.length, 201)
    assert.deepEqual(samples.at(-1), { labels: { name: 'other' }, value: 800 })
  })
})
