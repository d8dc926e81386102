/** How tests run on mutants: in the order in which they were named, and all in one group. */

import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

class AsNamed extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) =>
      process.argv.findIndex(arg => moduleId.endsWith(`/${arg}`))
    return files.toSorted((one, other) => place(one) - place(other))
  }
}

const collects = process.env.MUTATE_COVERAGE !== undefined

export default defineConfig({
  test: {
    root: `${import.meta.dirname}/../..`,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: 'forks',
    maxWorkers: '100%',
    include: ['test/**/*.test.ts'],
    sequence: { sequencer: AsNamed },
    setupFiles: collects ? ['test/mutate/record.ts'] : [],
    // Node itself loads the source, so that the places in it are those of the coverage.
    experimental: collects ? { viteModuleRunner: false } : {}
  }
})
