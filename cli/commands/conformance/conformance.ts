/** `conformance`: exit code 0 when no check fails, 1 when one does, 2 when none could be run. */

import { systemClock } from '../../../interface/clock.ts'
import { LumosError } from '../../../interface/errors.ts'
import { closestNames } from '../../../interface/suggest.ts'
import { CHECKS, type NamedCheck, type Result, reach, run as runChecks } from '../../conformance/index.ts'
import { junit } from '../../conformance/junit.ts'
import type { Invocation } from '../../invocation.ts'
import { type Output, printable } from '../../output.ts'
import { writeNewFile } from '../../output-file.ts'
import { milliseconds } from '../../quantities.ts'

interface ConformanceOptions {
  readonly face: string
  readonly model?: string
  readonly embedder?: string
  readonly token?: string
  readonly only?: readonly string[]
  readonly timeout: number
  readonly junit?: string
  readonly list?: boolean
}

/** CI reads it as another user. */
const JUNIT_MODE = 0o644

export async function run({ args, options, output }: Invocation<ConformanceOptions>): Promise<void> {
  const checks = chosen(options)
  if (options.list) {
    list(checks, output)
    return
  }
  const { model, embedder, token, face, timeout } = options
  const server = { url: addressOf(args[0]), model, embedder, token }
  const limitMs = timeout * 1000
  await reach(server, limitMs).catch(err => {
    const why = token ? (err as Error).message.replaceAll(token, '[token]') : (err as Error).message
    throw new LumosError('USAGE', `No server answers at ${server.url}: ${why}.`)
  })

  const results: Result[] = []
  const all = { ...server, checks, limitMs, skipFaces: face === 'all', clock: systemClock }
  for await (const result of runChecks(all)) {
    results.push(result)
    if (!output.json) printResult(result, output)
  }
  if (options.junit !== undefined) writeNewFile(options.junit, Buffer.from(junit(results)), true, JUNIT_MODE)
  const counts = { passed: 0, failed: 0, skipped: 0 }
  for (const { outcome } of results) counts[outcome]++
  output.data(
    { url: server.url, ...counts, checks: results.map(wire) },
    () => `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`
  )
  if (counts.failed > 0) process.exitCode = 1
  else if (counts.passed === 0) {
    throw new LumosError('USAGE', 'Nothing was checked: each check was skipped.', {
      hint: 'Each line says why. Name a model by --model, or a protocol by --face.'
    })
  }
}

function chosen({ face, only }: ConformanceOptions): readonly NamedCheck[] {
  const ofFace = CHECKS.filter(check => face === 'all' || check.face === face)
  if (only === undefined) return ofFace
  for (const name of only) {
    if (ofFace.some(check => isNamed(check, name))) continue
    const closest = closestNames(
      name,
      ofFace.map(({ fullName }) => fullName)
    )
    const hint = closest.length > 0 ? `Closest: ${closest.join(', ')}.` : 'See lumos-node conformance --list.'
    throw new LumosError('USAGE', `There is no check ${name}.`, { hint })
  }
  return ofFace.filter(check => only.some(name => isNamed(check, name)))
}

const isNamed = ({ name, fullName }: NamedCheck, wanted: string): boolean =>
  name === wanted || fullName === wanted

function addressOf(url: string | undefined): string {
  if (url === undefined) throw new LumosError('USAGE', 'Which server? Its address is missing.')
  const parsed = URL.parse(url)
  if (parsed === null || !/^https?:$/.test(parsed.protocol))
    throw new LumosError('USAGE', `${url} is no address of HTTP, such as http://127.0.0.1:8080.`)
  if (parsed.username || parsed.password)
    throw new LumosError('USAGE', 'The address holds a password, which ends up in logs. Use --token.')
  if (parsed.search || parsed.hash)
    throw new LumosError('USAGE', 'The address holds a query or a fragment. Give it without.')
  return url
}

const describe = ({ fullName, promise, source }: NamedCheck) => ({ name: fullName, promise, source })

function list(checks: readonly NamedCheck[], output: Output): void {
  output.data({ checks: checks.map(describe) }, () =>
    output.table(
      ['CHECK', 'PROMISE', 'SOURCE'],
      checks.map(({ fullName, promise, source }) => [fullName, promise, source])
    )
  )
}

const wire = ({ check, outcome, reason, durationMs }: Result) => ({
  ...describe(check),
  ...{ outcome, reason, duration_ms: Math.round(durationMs) }
})

const STYLES = { passed: 'green', failed: 'red', skipped: 'yellow' } as const

function printResult({ check, outcome, reason, durationMs }: Result, output: Output): void {
  const words = output.paint(STYLES[outcome], outcome.padEnd('skipped'.length))
  output.line(`${words}  ${check.fullName}  ${output.paint('dim', milliseconds(durationMs))}`)
  if (reason === null) return
  output.line(`         ${printable(reason).replace(/\s+/g, ' ')}`)
  if (outcome === 'failed') output.line(`         ${check.promise} ${check.source}`)
}
