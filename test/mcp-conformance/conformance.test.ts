/** The server's half of `npm run mcp-conformance`, where the suite is installed. */

import assert from 'node:assert/strict'
import { it } from 'vitest'
import { REVISIONS, suiteIn, verdictsOnServer } from './runner.ts'

it.for(REVISIONS)('the server passes what %s requires', { timeout: 120_000 }, async (revision, { skip }) => {
  const suite = suiteIn()
  if (suite === undefined) return skip('MCP_CONFORMANCE names no folder that has the suite')
  const verdicts = await Array.fromAsync(verdictsOnServer(suite, revision))
  assert.ok(verdicts.length >= 30)
  assert.deepEqual(
    verdicts.filter(({ passed }) => !passed).map(({ scenario, report }) => ({ scenario, report })),
    []
  )
})
