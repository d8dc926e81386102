/** `npm run examples`: engines of programs that take seconds to start. */

import { defineConfig } from 'vitest/config'

export default defineConfig({ test: { include: ['test/capabilities/engine-examples.ts'], pool: 'forks' } })
