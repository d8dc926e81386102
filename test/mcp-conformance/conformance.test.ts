/**
 * `@modelcontextprotocol/conformance`, the protocol's own suite, where it is installed: in a folder of its own, which
 * `MCP_CONFORMANCE` names. It is no dependency, so it says when it did not run.
 *
 * Its other scenarios call tools, prompts and questions of an example server, which a node has not.
 */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { startGateway } from '../gateway/running-gateway.ts'

const suite = join(process.env.MCP_CONFORMANCE ?? '', 'node_modules/.bin/conformance')
const isThere = process.env.MCP_CONFORMANCE !== undefined && existsSync(suite)
if (!isThere) console.warn('the conformance suite did not run: MCP_CONFORMANCE names no folder that has it')

const SCENARIOS = [
  ...['server-initialize', 'ping', 'tools-list', 'resources-list', 'server-sse-multiple-streams'],
  'dns-rebinding-protection'
]

/** The suite shows no token: this shows it, and hands on all else, a wrong Host and Origin too. */
async function withToken(gateway: Awaited<ReturnType<typeof startGateway>>) {
  const server = createServer((incoming, outgoing) => {
    const { port } = server.address() as AddressInfo
    const as = (value: string) => value.replaceAll(`:${port}`, `:${gateway.port}`)
    const headers = Object.fromEntries(
      Object.entries(incoming.headers).map(([name, value]) => [name, as(String(value))])
    )
    const authorization = `Bearer ${gateway.token}`
    const { method, url: path } = incoming
    const on = { host: '127.0.0.1', port: gateway.port, method, path }
    const asked = request({ ...on, headers: { ...headers, authorization } }, answer => {
      outgoing.writeHead(answer.statusCode!, answer.headers)
      answer.pipe(outgoing)
    })
    asked.on('error', () => outgoing.destroy())
    outgoing.on('close', () => asked.destroy())
    incoming.pipe(asked)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://localhost:${(server.address() as AddressInfo).port}/mcp`
}

it.skipIf(!isThere)('the suite of the protocol finds nothing to fail', { timeout: 120_000 }, async () => {
  await using gateway = await startGateway()
  const url = await withToken(gateway)
  const cwd = mkdtempSync(join(tmpdir(), 'lumos-mcp-'))
  onTestFinished(() => rmSync(cwd, { recursive: true }))
  const failed: string[] = []
  for (const scenario of SCENARIOS) {
    const { code, report } = await new Promise<{ code: unknown; report: string }>(resolve =>
      execFile(
        process.execPath,
        [suite, 'server', '--url', url, '--scenario', scenario],
        { cwd },
        (err, stdout, stderr) => resolve({ code: err?.code ?? 0, report: stdout + stderr })
      )
    )
    assert.match(report, /Passed: \d+\/\d+/, report)
    if (code !== 0) failed.push(`${scenario}: ${report}`)
  }
  expect(failed).toEqual([])
})
