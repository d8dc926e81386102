/** `npm run examples`: runs each program of `examples/`, and says which passed and which lacks what it needs. */

import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/examples.test.ts', 'test/sim/demo.test.ts', 'test/capabilities/engine-examples.ts'],
    reporters: 'verbose',
    testTimeout: 120_000,
    fileParallelism: false,
    pool: 'forks'
  }
})
