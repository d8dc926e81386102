/** `KILLS=100 npx vitest run test/capabilities/killed-engines.test.ts` kills more often. */

import assert from 'node:assert/strict'
import { afterAll, it } from 'vitest'
import { errorOf, registryOf, textOf, textRequest, unrulyHost, unrulyModel } from './parts.ts'
import { childrenOf } from './processes.ts'

const KILLS = Number(process.env.KILLS ?? 10)
const registry = registryOf([unrulyModel(unrulyHost(), 2)])
afterAll(() => registry.stop())

it.runIf(process.platform === 'linux')(
  `an engine that is killed ${KILLS} times costs the calls that it had, and no other`,
  { timeout: 60_000 + KILLS * 3000 },
  async () => {
    for (let n = 0; n < KILLS; n++) {
      const expected = await textOf(registry.infer(textRequest('count 3')))
      const [engine, more] = childrenOf(process.pid)
      assert(engine !== undefined && more === undefined, 'one process, and none left of those before')
      const lost = [registry.infer(textRequest('count 100')), registry.infer(textRequest('count 100'))].map(
        errorOf
      )
      process.kill(engine, 'SIGKILL')
      for (const { code } of await Promise.all(lost)) assert.equal(code, 'ENGINE_FAILED')
      assert.equal(await textOf(registry.infer(textRequest('count 3'))), expected)
    }
  }
)
