/** A `core.db` of its own for one test file. */

import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDatabase } from '../../storage/database/database.ts'
import { CORE_MIGRATIONS } from '../../storage/database/schema.ts'

export const temporaryDatabase = () =>
  openDatabase(join(mkdtempSync(join(tmpdir(), 'lumos-core-')), 'core.db'), {
    migrations: CORE_MIGRATIONS,
    synchronous: 'NORMAL'
  })
