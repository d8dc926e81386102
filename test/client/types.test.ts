/**
 * `client/units.generated.ts` is made of the units. Make it anew after a change of them:
 * `npm run test:only -- test/client/types.test.ts -u`
 */

import { join } from 'node:path'
import { expect, it } from 'vitest'
import { createUnits } from '../../units/index.ts'
import { startNode } from '../units/started-node.ts'
import { typesOf } from './unit-types.ts'

const FILE = join(import.meta.dirname, '../../client/units.generated.ts')

it('the types of the client are those of the units', async () => {
  await using started = await startNode()
  const units = createUnits({
    node: started.node,
    gatewayUrl: () => undefined,
    rotateToken: () => 0,
    stop() {}
  })
  await expect(typesOf(units.list())).toMatchFileSnapshot(FILE)
})
