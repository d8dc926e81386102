/** `npm run onnx-conformance`: every graph of `libonnx-testdata` by the ONNX engine, in the process of an engine. */

import { existsSync } from 'node:fs'
import { runTool, UsageError } from '../../sim/tool.ts'
import { casesIn, TESTDATA } from './cases.ts'
import { EXCEPTIONS } from './exceptions.ts'
import { type Verdict, verdictsOn } from './runner.ts'

const USAGE = `Usage: npm run onnx-conformance -- [PART OF A NAME…] [--folder FOLDER] [--json]

Runs the graphs of Debian's package libonnx-testdata by the ONNX engine and compares their outputs. Each must pass, or
fail as test/onnx-conformance/exceptions.ts says. Ctrl-C ends it early.
  --folder  default ${TESTDATA}
  --json    one line for each case
`

function summaryOf(verdicts: readonly Verdict[]): string {
  const reasons = Map.groupBy(
    verdicts.filter(({ exception, expected }) => exception !== undefined && expected),
    ({ exception }) => exception!.reason
  )
  const passed = verdicts.filter(({ failure }) => failure === undefined).length
  const wrong = verdicts.filter(({ expected }) => !expected).length
  return [
    `${verdicts.length} cases: ${passed} pass, ${verdicts.length - passed} do not, ${wrong} are not as the list says.`,
    ...[...reasons].map(([reason, { length }]) => `${String(length).padStart(5)}  ${reason}`)
  ].join('\n')
}

await runTool({
  usage: USAGE,
  options: { folder: { type: 'string' }, json: { type: 'boolean' } },
  async run({ values: { folder = TESTDATA, json }, positionals }, signal) {
    if (!existsSync(folder)) throw new UsageError(`There is no ${folder}: install libonnx-testdata.`)
    const all = casesIn(folder)
    const unknown = EXCEPTIONS.flatMap(one => one.cases).filter(listed =>
      all.every(({ name }) => name !== listed)
    )
    if (unknown.length > 0)
      throw new Error(`The list has cases that are not in ${folder}: ${unknown.join(', ')}.`)
    const cases = all.filter(
      ({ name }) => positionals.length === 0 || positionals.some(part => name.includes(part))
    )
    const verdicts: Verdict[] = []
    for await (const verdict of verdictsOn(folder, cases)) {
      if (signal.aborted) break
      verdicts.push(verdict)
      const { name, failure, expected } = verdict
      if (json) console.log(JSON.stringify({ name, failure: failure ?? null, expected }))
      else if (!expected) console.log(`WRONG ${name}: ${failure ?? 'passes, and is listed'}`)
    }
    if (!json) console.log(summaryOf(verdicts))
    return cases.length > 0 && verdicts.length === cases.length && verdicts.every(({ expected }) => expected)
  }
})
