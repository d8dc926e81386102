/** Runs `@modelcontextprotocol/conformance` on both sides, by what a revision of the protocol requires. */

import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startEverything } from './everything-gateway.ts'
import { EXCEPTIONS } from './exceptions.ts'

/** The last revision with sessions, and the first without. */
export const REVISIONS = ['2025-11-25', '2026-07-28'] as const
type Revision = (typeof REVISIONS)[number]

const CLIENT = `node ${fileURLToPath(new URL('client.ts', import.meta.url))}`
/** Each run of our client loads it from its source. */
const CLIENT_MS = 60_000

export interface Verdict {
  readonly side: 'server' | 'client'
  readonly revision: Revision
  readonly scenario: string
  readonly passed: boolean
  /** Why it does not pass, where that is known. */
  readonly exception?: string | undefined
  readonly report: string
}

/** The program of the suite; undefined where `MCP_CONFORMANCE` names no folder that has it. */
export function suiteIn(folder = process.env.MCP_CONFORMANCE): string | undefined {
  const suite = join(folder ?? '', 'node_modules/.bin/conformance')
  return folder !== undefined && existsSync(suite) ? suite : undefined
}

export async function* verdictsOnServer(suite: string, revision: Revision): AsyncGenerator<Verdict> {
  await using server = await startEverything()
  const { report } = await run(suite, 'server', '--url', server.url, '--requirements', revision)
  const [scored, others = ''] = report.split('=== SUMMARY ===')[1]!.split('Not scored')
  for (const [, mark, scenario] of scored!.matchAll(/^(✓|✗) (\S+): /gm)) {
    if (!new RegExp(`^ +. ${scenario} \\(`, 'm').test(others))
      yield { side: 'server', revision, scenario: scenario!, passed: mark === '✓', report }
  }
}

/** One after the other: each begins a process. */
export async function* verdictsOnClient(suite: string, revision: Revision): AsyncGenerator<Verdict> {
  const { report: listed } = await run(suite, 'list', '--requirements', revision)
  const [, required = ''] = /Client scenarios.*\n((?: +- .*\n)+)/.exec(listed) ?? []
  for (const [, scenario] of required.matchAll(/- (\S+)/g)) {
    const on = ['--scenario', scenario!, '--spec-version', revision, '--timeout', String(CLIENT_MS)]
    const { code, report } = await run(suite, 'client', '--command', CLIENT, ...on)
    const exception = EXCEPTIONS[scenario!]
    yield { side: 'client', revision, scenario: scenario!, passed: code === 0, exception, report }
  }
}

async function run(suite: string, ...args: string[]): Promise<{ code: unknown; report: string }> {
  const cwd = mkdtempSync(join(tmpdir(), 'lumos-mcp-'))
  try {
    return await new Promise(resolve =>
      execFile(process.execPath, [suite, ...args], { cwd }, (err, stdout, stderr) =>
        resolve({ code: err?.code ?? 0, report: stdout + stderr })
      )
    )
  } finally {
    rmSync(cwd, { recursive: true })
  }
}
