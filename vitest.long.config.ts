/** `npm run test:long`: what takes minutes by itself. The gate has a shorter test of the same kind for each. */

import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.long.ts'],
    env: { LUMOS_SERVING__YIELD: 'never' },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 1
  }
})
