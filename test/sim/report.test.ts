import { describe, expect, it } from 'vitest'
import { History } from '../../sim/history.ts'
import type { Outcome } from '../../sim/outcome.ts'
import { page } from '../../sim/report/page.ts'
import { ACTORS, GOOD } from './recorded-run.ts'
import { elements, readPage, textOf } from './well-formed.ts'

const outcomeOf = (history: History, change: Partial<Outcome> = {}): Outcome => ({
  scenario: 'a-scenario',
  question: 'Does it hold?',
  seed: 77,
  nodes: 3,
  link: 'lan',
  passed: true,
  failures: [],
  shortfalls: [],
  promises: [{ id: 'S3', promise: 'Answers are true.', broken: [] }],
  findings: [{ metric: 'everyone known', value: 123.4, unit: 'ms' }],
  durationMs: 2000,
  schedule: { seed: 77, nodes: 3, entries: [] },
  repeat: 'npm run sim -- a-scenario --replay run.json',
  history,
  ...change
})
const read = (history: History, change?: Partial<Outcome>) => readPage(page(outcomeOf(history, change)))
const good = () => History.of(ACTORS, GOOD)

describe('the report of a run', () => {
  it('says question, answer, figures, seed and how to repeat it', () => {
    const text = textOf(read(good()))
    for (const fact of [
      'Does it hold?',
      'Yes.',
      'everyone known',
      '123 ms',
      '77',
      'npm run sim -- a-scenario --replay run.json'
    ]) {
      expect(text).toContain(fact)
    }
  })

  it('says which promise was broken, and by what', () => {
    const text = textOf(
      read(good(), {
        passed: false,
        failures: ['S3: Request 1 has a gap.'],
        promises: [{ id: 'S3', promise: 'Answers are true.', broken: ['Request 1 has a gap.'] }]
      })
    )
    expect(text).toContain('No.')
    expect(text).toContain('S3: Request 1 has a gap.')
    expect(text).toContain('broken 1 times')
  })

  it('tells what was done and when, who was removed, and who came back', () => {
    const rows = elements(read(good()), 'tr').map(row => textOf(row).replace(/\s+/g, ' '))
    expect(rows).toContainEqual(expect.stringContaining('0.08 s node-1 is killed'))
    expect(rows).toContainEqual(expect.stringContaining('node-0 learns that node-2 was removed'))
    expect(rows).toContainEqual(expect.stringContaining('from now on all must recover'))
  })

  it('draws each node, with dots for its requests', () => {
    const [timeline] = elements(read(good()), 'svg')
    const classes = elements(timeline!, 'circle').map(({ attributes }) => attributes.class)
    expect(classes.filter(name => name === 'answered')).toHaveLength(4)
    for (const { name } of ACTORS) expect(textOf(timeline!)).toContain(name)
  })

  it('is well-formed whatever peers and errors say, and holds no script and no address to load from', () => {
    const evil = `</style><script>alert("x")</script>&\u0000'\ud800`
    const history = History.of(
      [...ACTORS, { name: evil, peerId: evil, kind: 'hostile' }],
      [
        ...GOOD,
        { type: 'note', text: evil, atMs: 210 },
        { type: 'uncaught', kind: 'unhandledRejection', message: evil, atMs: 211 },
        { type: 'asked', id: evil, asker: evil, oracle: evil, atMs: 212 },
        { type: 'routed', id: evil, peerId: evil, atMs: 213 },
        { type: 'ended', id: evil, code: evil, atMs: 214 }
      ]
    )
    const change = { scenario: evil, question: evil, failures: [evil], repeat: evil, link: evil }
    const root = read(history, change)
    expect(elements(root, 'script')).toEqual([])
    expect(textOf(root)).toContain('</style><script>alert("x")</script>&')
    expect(page(outcomeOf(history, change))).not.toMatch(/(src|href)=|url\(|@import/)
  })

  it('can be made of a run in which nothing happened', () => {
    expect(textOf(read(History.of([], [])))).toContain('What happened')
  })
})
