/** Results in the XML of JUnit, as CI systems read it. */

import type { Result } from './index.ts'

export function junit(results: readonly Result[]): string {
  const suites = [...Map.groupBy(results, ({ check }) => check.face)].map(([face, own]) =>
    [`  <testsuite name="${face}" ${counts(own)}>`, ...own.map(testcase), '  </testsuite>'].join('\n')
  )
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="lumos-node conformance" ${counts(results)}>`,
    ...suites,
    '</testsuites>',
    ''
  ].join('\n')
}

function testcase({ check, outcome, reason, durationMs }: Result): string {
  const { face, name, promise, source } = check
  const head = `    <testcase classname="${face}" name="${attribute(name)}" time="${seconds(durationMs)}"`
  if (outcome === 'passed') return `${head}/>`
  const element = outcome === 'failed' ? 'failure' : 'skipped'
  const text = attribute(`${promise} See ${source}`)
  return `${head}>\n      <${element} message="${attribute(reason ?? '')}">${text}</${element}>\n    </testcase>`
}

function counts(results: readonly Result[]): string {
  const count = (wanted: Result['outcome']) => results.filter(({ outcome }) => outcome === wanted).length
  const time = seconds(results.reduce((sum, { durationMs }) => sum + durationMs, 0))
  return `tests="${results.length}" failures="${count('failed')}" skipped="${count('skipped')}" time="${time}"`
}

const seconds = (ms: number): string => (ms / 1000).toFixed(3)

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/** Reasons hold text of the server, which may have what XML has no way to write. */
const attribute = (text: string): string =>
  text
    .toWellFormed()
    .replace(/[\p{Cc}\ufffe\uffff]/gu, ' ')
    .replace(/[&<>"]/g, sign => ENTITIES[sign]!)
