import { describe, expect, it } from 'vitest'
import { type Entry, History, type NodeView } from '../../sim/history.ts'
import { INVARIANTS } from '../../sim/invariants/index.ts'
import { ACTORS, doctored, GOOD, VIEW, with_, without } from './recorded-run.ts'

const brokenBy = (id: string, history: History): string[] => [
  ...INVARIANTS.find(invariant => invariant.id === id)!.broken(history)
]
const isChunk = (id: string, index: number) => (entry: Entry) =>
  entry.type === 'chunk' && entry.id === id && entry.index === index
const view = (change: Partial<NodeView>, node = 'node-0', atMs = 200): Entry => ({
  type: 'view',
  node,
  atMs,
  view: { ...VIEW, ...change }
})
const isView = (entry: Entry) => entry.type === 'view'
const served = (
  event: 'inference.serving_started' | 'inference.serving_ended',
  peerId: string,
  atMs: number
) =>
  ({
    type: 'event',
    event,
    node: 'node-0',
    atMs,
    data: { requestId: `of ${peerId}`, task: 'text-generation', peerId, durationMs: 1 }
  }) as Entry

/** By invariant: runs that must fail it, and what the failure must say. */
const BROKEN: Record<string, readonly [what: string, run: () => History, says: RegExp][]> = {
  S1: [
    [
      'a removed device is a member again',
      () => with_(view({ members: ['P0', 'P1', 'P2', 'PL'] })),
      /node-0 lists node-2/
    ],
    ['the name of the mesh is forgotten', () => with_(view({ mesh: 'old' })), /calls the mesh "old"/]
  ],
  S3: [
    ['an answer has a gap', () => without(isChunk('node-0#1', 0)), /chunk 1 as its number 0/],
    [
      'an answer says something else',
      () =>
        doctored(entries =>
          entries.map(entry =>
            isChunk('node-0#1', 1)(entry) ? ({ ...entry, text: ' birds' } as Entry) : entry
          )
        ),
      /no prefix/
    ],
    [
      'an answer is called complete and is not',
      () => without(isChunk('node-0#2', 0)),
      /complete after 0 of 1/
    ],
    [
      'an answer goes on after done',
      () => with_({ type: 'chunk', id: 'node-0#2', index: 1, text: 'z', atMs: 113.5 }),
      /went on after done/
    ],
    [
      'an answer is over without being done',
      () => without(entry => entry.type === 'done' && entry.id === 'node-0#2'),
      /never was done/
    ],
    [
      'an answer ends twice',
      () => with_({ type: 'ended', id: 'node-0#2', atMs: 115 }),
      /went on after its end/
    ]
  ],
  S4: [
    [
      'a stranger gets bytes of gossip',
      () =>
        with_({
          type: 'received',
          node: 'node-0',
          peerId: 'PN',
          protocol: '/meshsub/1.2.0',
          bytes: 9,
          atMs: 52
        }),
      /nobody, no member, got 9 bytes of \/meshsub/
    ],
    [
      'a stranger is served',
      () => with_(served('inference.serving_started', 'PN', 52)),
      /node-0 served nobody/
    ]
  ],
  S5: [
    [
      'a removed device is served again',
      () => with_(served('inference.serving_started', 'P2', 44), served('inference.serving_ended', 'P2', 45)),
      /node-0 served node-2 at/
    ],
    [
      'work for a removed device goes on',
      () =>
        doctored(entries => [
          ...entries.filter(entry => entry.type !== 'event' || entry.event !== 'inference.serving_ended'),
          { type: 'note', text: 'much later', atMs: 5000 }
        ]),
      /went on serving node-2/
    ]
  ],
  S6: [
    [
      'an older manifest replaces a newer one',
      () => with_(manifestOf(97, 7)),
      /accepted 5\/7 of node-1 after 5\/1001/
    ],
    ['one number is accepted twice', () => with_(manifestOf(97, 1001)), /accepted 5\/1001/],
    [
      'an older one is believed after a restart that lost nothing',
      () =>
        with_(
          { type: 'life', node: 'node-0', change: 'stopped', atMs: 97 },
          { type: 'life', node: 'node-0', change: 'ready', atMs: 98 },
          manifestOf(99, 1000)
        ),
      /accepted 5\/1000/
    ]
  ],
  S9: [
    [
      'memory runs away',
      () => with_({ type: 'process', memoryBytes: 3 * 1024 ** 3, descriptors: 40, atMs: 71 }),
      /3072 MiB/
    ],
    [
      'descriptors run away',
      () => with_({ type: 'process', memoryBytes: 1, descriptors: 900, atMs: 71 }),
      /900 descriptors/
    ],
    ['connections run away', () => with_(view({ connections: 300 })), /300 connections/],
    ['streams run away', () => with_(view({ streams: 500 })), /500 streams over 2/]
  ],
  S10: [
    [
      'a forged manifest takes a provider away',
      () =>
        with_({
          type: 'rejected',
          node: 'node-0',
          what: 'a forged manifest',
          before: VIEW,
          after: { ...VIEW, providers: {} },
          atMs: 61
        }),
      /another after a forged manifest/
    ]
  ],
  S12: [
    [
      'a promise is rejected and nobody cares',
      () => with_({ type: 'uncaught', kind: 'unhandledRejection', message: 'Error: lost', atMs: 71 }),
      /unhandledRejection: Error: lost/
    ]
  ],
  S13: [
    [
      'a request is asked again and again',
      () =>
        with_(
          ...Array.from(
            { length: 14 },
            (_, i): Entry => ({ type: 'routed', id: 'node-0#1', peerId: 'P1', atMs: 22 + i / 100 })
          )
        ),
      /node-0 asked again 11 times/
    ]
  ],
  L1: [
    [
      'one does not know another',
      () =>
        doctored(entries => [
          ...entries.filter(entry => !isView(entry)),
          view({}),
          view({ providers: {} }, 'node-1')
        ]),
      /node-0 believes that node-1 offers|node-1 believes that node-0 offers nothing/
    ],
    [
      'one still takes the removed device for a member',
      () =>
        doctored(entries => [
          ...entries.filter(entry => !isView(entry)),
          view({}),
          view({ members: ['P0', 'P1', 'P2'] }, 'node-1')
        ]),
      /node-1 takes node-2, who was removed/
    ],
    [
      'they agree too late',
      () => doctored(entries => entries.map(entry => (isView(entry) ? { ...entry, atMs: 1200 } : entry))),
      /No agreement within 1000 ms/
    ]
  ],
  L3: [
    [
      'a slot stays taken',
      () => with_(view({ requests: { own: 0, running: 1, queued: 0 } })),
      /1 requests running/
    ],
    [
      'a request never ends',
      () => without(entry => entry.type === 'ended' && entry.id === 'node-1#3'),
      /node-1#3 never ended/
    ]
  ],
  L4: [
    [
      'a node that was started again never is ready',
      () => without(entry => entry.type === 'life' && entry.atMs === 95),
      /node-1 was started again at 0.090 s, and never was ready/
    ],
    [
      'a node is not answered once all is well',
      () => without(entry => 'id' in entry && entry.id === 'node-0#2'),
      /node-0 was not answered/
    ]
  ]
}

function manifestOf(atMs: number, sequence: number): Entry {
  const data = { peerId: 'P1', epoch: 5, sequence, capabilities: 1 }
  return { type: 'event', event: 'manifest.updated', node: 'node-0', atMs, data }
}

describe('the invariants', () => {
  it.each(INVARIANTS.map(({ id }) => id))('%s holds in a run where nothing went wrong', id => {
    expect(brokenBy(id, History.of(ACTORS, GOOD))).toEqual([])
  })

  it.each(INVARIANTS.map(({ id }) => id))('%s has a run that must break it', id => {
    expect(BROKEN[id]?.length).toBeGreaterThan(0)
  })

  for (const [id, runs] of Object.entries(BROKEN)) {
    it.each(runs)(`${id} is broken when %s`, (_what, run, says) => {
      expect(brokenBy(id, run()).join('\n')).toMatch(says)
    })
  }

  it('lets a node that lost power learn the last manifests again', () => {
    const history = with_(
      { type: 'life', node: 'node-0', change: 'lost', atMs: 97 },
      { type: 'life', node: 'node-0', change: 'ready', atMs: 98 },
      manifestOf(99, 1000)
    )
    expect(brokenBy('S6', history)).toEqual([])
  })

  it('does not take a slot for stuck whose node is gone', () => {
    const history = with_(view({ requests: { own: 0, running: 1, queued: 0 } }), {
      type: 'life',
      node: 'node-0',
      change: 'stopped',
      atMs: 201
    })
    expect(brokenBy('L3', history)).toEqual([])
  })

  it('does not hold the words of a hostile peer against those who passed them on', () => {
    const history = doctored(entries => {
      const routed = entries.find(entry => entry.type === 'routed' && entry.id === 'node-0#2')
      if (routed?.type === 'routed') Object.assign(routed, { peerId: 'PL' })
      const chunk = entries.find(isChunk('node-0#2', 0))
      if (chunk?.type === 'chunk') Object.assign(chunk, { text: 'a lie' })
      return entries
    })
    expect(brokenBy('S3', history)).toEqual([])
  })
})
