import { availableParallelism } from 'node:os'
import { configDefaults, defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import { QUICK_TESTS } from './vitest.quick.config.ts'

/** What measures time or memory, or fills a machine by itself: nothing else runs beside these. */
const ALONE = [
  'test/lab/link.test.ts',
  'test/lan/discovery.test.ts',
  'test/hostile/{engines,gossip,liars,office,strangers,streams}.test.ts'
]
/** What has limits of time that leave room, and mostly waits: nothing that works all the time runs beside these. */
const WAITING = [
  'test/{lab,lan,sim,soak}/*.test.ts',
  'test/hostile/{admin,dht,droppers,forged,revocation}.test.ts',
  'test/node/{clocks,mesh}.test.ts'
]

/**
 * These take longest, in this order, and begin first, so that none runs by itself at the end. Vitest takes them for
 * short by their size.
 */
const LONGEST = [
  'fuzz/fuzz',
  'package',
  'virtual/swarm',
  'cli/start',
  'crash/crash',
  'capabilities/llama-cpp',
  'cli/membership',
  'capabilities/engine-confinement',
  'browser/rebinding',
  'capabilities/engine-host',
  'membership/crash',
  'cli/commands',
  'cli/jobs',
  'storage/key-protection',
  'weights/sharing',
  'cli/weights',
  'weights/processes',
  'node/hostile',
  'cli/key',
  'sim/scenarios',
  'lab/scenarios',
  'soak/soak',
  'hostile/droppers',
  'lan/loss',
  'lan/membership',
  'lan/neighbours',
  'lab/matrix',
  'sim/command',
  'lab/lab'
]

/** The short files that share a process come last, one after the other: another file between them would end it. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const placeOf = ({ moduleId, project }: TestSpecification) => {
      if (!project.config.isolate) return LONGEST.length + 1
      const place = LONGEST.findIndex(name => moduleId.endsWith(`/${name}.test.ts`))
      return place < 0 ? LONGEST.length : place
    }
    return (await super.sort(files)).toSorted((a, b) => placeOf(a) - placeOf(b))
  }
}

export default defineConfig(({ mode }) => ({
  test: {
    // Real processes and real networks take their time on a small machine; a
    // test that hangs still ends here.
    // Else the nodes of a test yield to the other tests.
    env: { LUMOS_SERVING__YIELD: 'never' },
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: 'forks',
    reporters: ['default'],
    globalSetup: [...(mode === 'bundle' ? ['test/bundle.ts'] : []), 'test/compile-cache.ts'],
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: {
          name: 'together',
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...QUICK_TESTS, ...WAITING, ...ALONE],
          // One more than cores: at most times one of them waits.
          maxWorkers: availableParallelism() + 1,
          sequence: { groupOrder: 1 }
        }
      },
      {
        extends: true,
        test: {
          name: 'quick',
          include: QUICK_TESTS,
          // Each worker runs them in one process: its start and imports take longer than the tests of a file.
          isolate: false,
          maxWorkers: availableParallelism() + 1,
          sequence: { groupOrder: 1 }
        }
      },
      {
        extends: true,
        test: {
          name: 'waiting',
          include: WAITING,
          exclude: [...configDefaults.exclude, ...QUICK_TESTS, ...ALONE],
          maxWorkers: availableParallelism() + 1,
          sequence: { groupOrder: 2 }
        }
      },
      {
        extends: true,
        test: { name: 'alone', include: ALONE, maxWorkers: 1, sequence: { groupOrder: 3 } }
      }
    ]
  }
}))
