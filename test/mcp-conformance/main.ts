/** `npm run mcp-conformance`: all that the protocol requires of a server and of a client, in both eras. */

import { runTool, UsageError } from '../../sim/tool.ts'
import { REVISIONS, suiteIn, type Verdict, verdictsOnClient, verdictsOnServer } from './runner.ts'

const USAGE = `Usage: MCP_CONFORMANCE=FOLDER npm run mcp-conformance -- [server|client…] [--json]

Runs the required scenarios of @modelcontextprotocol/conformance, installed in FOLDER, for ${REVISIONS.join(' and ')}. Each must
pass, or be in test/mcp-conformance/exceptions.ts. Ctrl-C ends it early.
  --json  one line for each scenario
`

const SIDES = { server: verdictsOnServer, client: verdictsOnClient }
type Side = keyof typeof SIDES

const isAsIs = ({ passed, exception }: Verdict): boolean => passed === (exception === undefined)

await runTool({
  usage: USAGE,
  options: { json: { type: 'boolean' } },
  async run({ values: { json }, positionals }, signal) {
    const suite = suiteIn()
    if (suite === undefined) throw new UsageError('MCP_CONFORMANCE names no folder that has the suite.')
    const wrong: Verdict[] = []
    for (const side of Object.keys(SIDES) as Side[]) {
      if (positionals.length > 0 && !positionals.includes(side)) continue
      for (const revision of REVISIONS) {
        const verdicts: Verdict[] = []
        for await (const verdict of SIDES[side](suite, revision)) {
          if (signal.aborted) return false
          verdicts.push(verdict)
          const { scenario, passed, exception = null, report } = verdict
          if (json) console.log(JSON.stringify({ side, revision, scenario, passed, exception }))
          else if (!isAsIs(verdict)) console.log(`WRONG ${scenario}:\n${report}`)
        }
        wrong.push(...verdicts.filter(verdict => !isAsIs(verdict)))
        const passed = verdicts.filter(verdict => verdict.passed).length
        if (!json) console.log(`${side} ${revision}: ${passed} of ${verdicts.length} pass.`)
        for (const { scenario, exception } of verdicts)
          if (!json && exception !== undefined) console.log(`  not ${scenario}: ${exception}`)
      }
    }
    return wrong.length === 0
  }
})
