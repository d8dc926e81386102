import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { performanceDoc, SECTION_NAMES } from '../../bench/performance.ts'
import { DOC, generated, README } from '../../bench/publish.ts'
import { withFigures } from '../../bench/readme-figures.ts'
import { type BenchResult, publishedResults } from '../../bench/results.ts'
import { summaryOf } from '../../bench/soak-summary.ts'
import { Book } from '../../soak/book.ts'
import type { Measured } from '../../soak/member.ts'

const readme = readFileSync(README, 'utf8')

describe('the published figures', () => {
  it.each([DOC, README])('%s says what the results say, and nothing by hand', file => {
    expect(readFileSync(file, 'utf8')).toBe(generated().get(file))
  })

  it('have a section for each bench', () => {
    for (const { bench } of publishedResults()) expect(SECTION_NAMES).toContain(bench)
  })
})

describe('the documents', () => {
  const title = 'Bulk one way, encrypted, beside a socket that is not'
  const bulk: BenchResult = {
    bench: 'bulk',
    machine: { cpu: 'A processor', cores: 2, memoryGB: 16, platform: 'linux x64', node: 'v24.0.0' },
    commit: 'abcdef0123',
    tables: [
      {
        title,
        rows: [
          {
            name: 'lane',
            value: 816.2,
            unit: 'MB/s',
            noise: 0.02,
            ratios: [{ against: 'raw TCP', value: 0.6333, noise: 0.02 }]
          },
          { name: 'raw TCP', value: 1296, unit: 'MB/s', noise: 0.03, reference: true }
        ]
      }
    ]
  }

  it('tell each figure with its noise, its ratio, its command, its machine and its source', () => {
    const doc = performanceDoc([bulk], undefined)
    expect(doc).toContain('| lane | 816 MB/s | ±2.0 % | 0.633 ± 0.01 × raw TCP |')
    expect(doc).toContain('| raw TCP | 1,300 MB/s | ±3.0 % |  |')
    expect(doc).toContain('`npm run bench -- bulk`, linux x64, 2 × A processor, 16 GB, Node v24.0.0')
    expect(doc).toContain('source abcdef0123')
  })

  it('show the same figures in the README, and touch nothing else of it', () => {
    const written = withFigures(readme, [bulk])
    expect(written).toContain(
      '| bulk one way, encrypted | 816 MB/s | 0.633 × raw TCP | `npm run bench -- bulk` |'
    )
    const apart = (text: string) => text.replace(/<!-- figures[\s\S]*<!-- end of figures -->/, '')
    expect(apart(written)).toBe(apart(readme))
    expect(withFigures(written, [bulk])).toBe(written)
  })

  it('are not made when the README has no place for them, or the results have no such row', () => {
    expect(() => withFigures('# No place', [bulk])).toThrow('<!-- figures')
    const renamed = { ...bulk, tables: [{ ...bulk.tables[0]!, title: 'Another' }] }
    expect(() => withFigures(readme, [renamed])).toThrow(`has no "${title}: lane"`)
  })

  it('tell of a soak how it went and what it found, but not each measurement', () => {
    const book = new Book({ hours: 1e-9, nodes: 10, seed: 42, load: 'calls' })
    const measured: Measured = {
      rssBeforeMB: 170,
      rssMB: 150,
      heapMB: 30,
      externalMB: 15,
      descriptors: 42,
      connections: 9,
      streams: 3,
      calls: 1000,
      callsMs: [1, 2, 3],
      lost: [{ peer: 'churns-7', code: 'PEER_UNREACHABLE', fromMs: 0, toMs: 1 }],
      warnings: []
    }
    for (let round = 0; round < 6; round++) {
      for (const node of ['stays-0', 'stays-1']) book.note(node, measured, Date.now())
    }
    const churn = { terminated: 180, killed: 180, returned: 360, joined: 30, revoked: 29 }
    const summary = summaryOf(book.record('complete', churn))
    expect(summary).not.toHaveProperty('samples')
    const doc = performanceDoc([], summary)
    expect(doc).toContain('`npm run soak -- --hours 1e-9 --nodes 10 --seed 42`')
    expect(doc).toMatch(/12,000\s+calls/)
    expect(doc).toMatch(/0\s+lost\s+between\s+nodes\s+that\s+stay,\s+12\s+to\s+nodes\s+that\s+were\s+leaving/)
    expect(doc).toContain('| resident memory | +0.00 ± 0.00 MB |')
    expect(doc).toContain('| 0 | 170.0 | 150.0 | 30.0 | 15.0 | 42.0 | 9.0 |')
  })
})
