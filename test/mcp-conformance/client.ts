/**
 * The client that the suite runs: the one by which a node uses MCP servers of others. Its last argument is the address of
 * a server; where that wants a sign-in, this is also the browser.
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../interface/clock.ts'
import { toLumosError } from '../../interface/errors.ts'
import type { McpTool } from '../../interface/mcp.ts'
import { McpConnection } from '../../node/mcp/connection.ts'
import { McpServer } from '../../node/mcp/settings.ts'

/** More sign-ins than that are a loop. */
const SIGN_INS_MAX = 3
/** The address by which the suite knows a client that has its metadata there. */
const CLIENT_METADATA_URL = 'https://conformance-test.local/client-metadata.json'

const scenario = process.env.MCP_CONFORMANCE_SCENARIO ?? ''
const context = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? '{}')
const directory = mkdtempSync(join(tmpdir(), 'lumos-mcp-client-'))
const settings = await settingsOf(process.argv.at(-1)!)
const connection = new McpConnection('suite', settings, systemClock, directory)
const options = { budgetMs: 20_000, seesSignIn: true }

async function settingsOf(url: string) {
  if (!scenario.startsWith('auth/')) return McpServer.parse({ url })
  const { client_id: clientId, client_secret: secret } = context
  if (clientId === undefined)
    return McpServer.parse({ url, oauth: { clientMetadataUrl: CLIENT_METADATA_URL } })
  const clientSecretFile = join(directory, 'secret')
  writeFileSync(clientSecretFile, secret)
  const issuer = context.issuer ?? (await issuerOf(url))
  return McpServer.parse({ url, oauth: { clientId, clientSecretFile, issuer } })
}

/** A person looks it up, and writes it into the settings. */
async function issuerOf(url: string): Promise<string> {
  const { origin, pathname } = new URL(url)
  const answer = await fetch(`${origin}/.well-known/oauth-protected-resource${pathname}`)
  return ((await answer.json()) as { authorization_servers: string[] }).authorization_servers[0]!
}

/** Signs in where that is asked for. */
async function signedIn<T>(ask: () => Promise<T>): Promise<T> {
  for (let count = 0; ; count++) {
    try {
      return await ask()
    } catch (err) {
      const address = toLumosError(err).details?.address
      if (typeof address !== 'string' || count === SIGN_INS_MAX) throw err
      const { headers } = await fetch(address, { redirect: 'manual' })
      const { ok } = await fetch(headers.get('location')!)
      if (!ok) throw err
    }
  }
}

/** What a schema asks for, as small as it may be. */
function inputFor({ input }: McpTool): Record<string, unknown> {
  const values: Record<string, unknown> = { number: 1, integer: 1, string: 'words', boolean: true }
  const { properties = {} } = input as { properties?: Record<string, { type: string }> }
  return Object.fromEntries(Object.entries(properties).map(([name, { type }]) => [name, values[type]]))
}

try {
  const tools = await signedIn(() => connection.tools(options))
  // The server of schemas only lists its tools.
  const called = scenario.startsWith('json-schema-') ? [] : tools
  const calls: { name: string; arguments: Record<string, unknown> }[] =
    context.toolCalls ?? called.map(tool => ({ name: tool.name, arguments: inputFor(tool) }))
  for (const { name, arguments: input } of calls)
    await signedIn(() => connection.call({ server: 'suite', tool: name, input }, options))
} catch (err) {
  console.error(err)
  process.exitCode = 1
} finally {
  await connection.close()
  rmSync(directory, { recursive: true })
}
