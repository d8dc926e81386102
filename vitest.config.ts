import { globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { matchesGlob } from 'node:path'
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
 * Files that leave their process as they found it share one, as the quick ones do: its start and its imports cost each
 * file a second of processor time. They end their nodes, and have no word to say about the process as a whole.
 */
const SHARED = [
  'test/{anthropic,client,gateway,kserve,mcp,membership,node,ollama,openai,protocols,units,weights}/*.test.ts',
  'test/storage/{database,datastore,keychain,manifest-log}.test.ts',
  'test/storage/weights/{dag,partial,store}.test.ts',
  'test/capabilities/{engine-install,engines,gguf,memory,model-info,model-manager}.test.ts',
  'test/capabilities/{openai,registry,repositories}.test.ts'
]
/** Not these: they measure their process, put something else in place of a module, or are long and begin early. */
const NOT_SHARED = [
  'test/membership/{crash,departure,join}.test.ts',
  'test/node/{battery-watch,continuation,hostile,open-files,private-dht,staggered-dial}.test.ts',
  'test/node/{weights-public,yielding}.test.ts',
  'test/node/memory/recall-parts.test.ts',
  'test/protocols/{hostile,inference}.test.ts',
  'test/web/markdown.test.ts',
  'test/weights/{processes,resources,sharing}.test.ts'
]
const SHARING = [...globSync(SHARED, { cwd: import.meta.dirname }), ...QUICK_TESTS].filter(
  file => !NOT_SHARED.some(pattern => matchesGlob(file, pattern))
)

/**
 * These take longest, in this order, and begin first, so that none runs by itself at the end. Vitest takes them for
 * short by their size.
 */
const LONGEST = [
  'package',
  'cli/membership',
  'cli/commands',
  'cli/start',
  'crash/crash',
  'virtual/swarm',
  'browser/page',
  'capabilities/llama-cpp',
  'capabilities/engine-confinement',
  'browser/rebinding',
  'capabilities/engine-host',
  'fuzz/fuzz',
  'cli/jobs',
  'storage/key-protection',
  'weights/sharing',
  'cli/weights',
  'weights/processes',
  'cli/key',
  'membership/crash',
  'units/contract',
  'sim/scenarios',
  'lan/loss',
  'lab/scenarios',
  'sim/command',
  'soak/soak',
  'hostile/droppers',
  'lan/membership',
  'lan/neighbours',
  'lab/matrix',
  'lab/lab'
]

/** Files that share a process come last, one after the other: another file between them would end it. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const placeOf = ({ moduleId, project }: TestSpecification) => {
      const place = LONGEST.findIndex(name => moduleId.endsWith(`/${name}.test.ts`))
      return (place < 0 ? LONGEST.length : place) + (project.config.isolate ? 0 : LONGEST.length + 1)
    }
    return (await super.sort(files)).toSorted((a, b) => placeOf(a) - placeOf(b))
  }
}

export default defineConfig(({ mode }) => ({
  test: {
    // Else the nodes of a test yield to the other tests.
    env: { LUMOS_SERVING__YIELD: 'never' },
    // Real processes and real networks take their time on a small machine, and what gossip loses comes by a pull within a
    // minute; a test that hangs still ends here.
    testTimeout: 90_000,
    hookTimeout: 60_000,
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
          exclude: [...configDefaults.exclude, ...SHARING, ...WAITING, ...ALONE],
          // More than cores: at most times two of them wait.
          maxWorkers: availableParallelism() + 2,
          sequence: { groupOrder: 1 }
        }
      },
      {
        extends: true,
        test: {
          name: 'shared',
          include: SHARING,
          exclude: [...configDefaults.exclude, ...WAITING, ...ALONE],
          isolate: false,
          maxWorkers: availableParallelism() + 2,
          sequence: { groupOrder: 1 }
        }
      },
      {
        extends: true,
        test: {
          name: 'waiting',
          include: WAITING,
          exclude: [...configDefaults.exclude, ...ALONE],
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
