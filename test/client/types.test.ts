/**
 * `client/units.generated.ts` is made of the units. Make it anew after a change of them:
 * `npm run test:only -- test/client/types.test.ts -u`
 */

import { join } from 'node:path'
import { expect, it } from 'vitest'
import { startGateway } from '../gateway/running-gateway.ts'
import { typesOf } from './unit-types.ts'

const FILE = join(import.meta.dirname, '../../client/units.generated.ts')

it('the types of the client are those of the units', async () => {
  await using gateway = await startGateway()
  await expect(typesOf(gateway.units.list())).toMatchFileSnapshot(FILE)
})
