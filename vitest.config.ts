import { configDefaults, defineConfig } from 'vitest/config'

/** What measures time or memory, or fills a machine by itself: nothing else runs beside these. */
const ALONE = [
  'test/{bench,browser,hostile,lab,lan,sim,soak}/*.test.ts',
  'test/cli/{program,start}.test.ts',
  'test/node/{clocks,mesh}.test.ts'
]

export default defineConfig({
  test: {
    // Real processes and real networks take their time on a small machine; a
    // test that hangs still ends here.
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: 'forks',
    reporters: ['default'],
    projects: [
      {
        extends: true,
        test: {
          name: 'together',
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...ALONE],
          maxWorkers: '100%',
          sequence: { groupOrder: 1 }
        }
      },
      {
        extends: true,
        test: { name: 'alone', include: ALONE, maxWorkers: 1, sequence: { groupOrder: 2 } }
      }
    ]
  }
})
