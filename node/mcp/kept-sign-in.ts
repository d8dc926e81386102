/** What is kept of the sign-in at one MCP server: a file for the user of the node alone. */

import { mkdir, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { StoredOAuthClientInformation, StoredOAuthTokens } from '@modelcontextprotocol/client'
import * as z from 'zod'
import { PRIVATE_DIR_MODE, writeFileDurably } from '../../storage/database/durable-file.ts'

const OfIssuer = { issuer: z.string().optional() }
const Kept = z.object({
  /** Of the server: what is kept is for no other. */
  url: z.string().optional(),
  /** Where the browser comes back to: servers know a client by that address. */
  port: z.int().optional(),
  client: z.looseObject({ client_id: z.string(), ...OfIssuer }).optional(),
  tokens: z.looseObject({ access_token: z.string(), token_type: z.string(), ...OfIssuer }).optional()
})
type Kept = z.infer<typeof Kept>

interface Change {
  readonly port?: number
  readonly client?: StoredOAuthClientInformation | undefined
  readonly tokens?: StoredOAuthTokens | undefined
}

export class KeptSignIn {
  readonly #path: string
  readonly #url: string
  #kept: Kept = {}

  /** @param url of the server. */
  constructor(path: string, url: string) {
    this.#path = path
    this.#url = url
  }

  get port(): number | undefined {
    return this.#kept.port
  }

  get client(): StoredOAuthClientInformation | undefined {
    return this.#kept.client as StoredOAuthClientInformation | undefined
  }

  get tokens(): StoredOAuthTokens | undefined {
    return this.#kept.tokens as StoredOAuthTokens | undefined
  }

  /** What cannot be read is no sign-in. */
  async read(): Promise<void> {
    const text = await readFile(this.#path, 'utf8').catch(() => '{}')
    const kept = Kept.catch({}).parse(parsed(text))
    this.#kept = kept.url === this.#url ? kept : { url: this.#url, port: kept.port }
  }

  /** Durable once this resolves: a server may take no older one. */
  async keep(change: Change): Promise<void> {
    this.#kept = { ...this.#kept, ...(change as Kept) }
    await mkdir(dirname(this.#path), { recursive: true, mode: PRIVATE_DIR_MODE })
    writeFileDurably(this.#path, JSON.stringify(this.#kept))
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return {}
  }
}
