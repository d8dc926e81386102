/** One MCP server: begun by the first call, ended when it is not used, and begun again after it has ended. */

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Client, ClientOptions } from '@modelcontextprotocol/client'
import type { Clock, Timer } from '../../interface/clock.ts'
import { CancelledError, LumosError, OverloadedError, TimeoutError } from '../../interface/errors.ts'
import type { McpCall, McpOptions, McpResult, McpServerInfo, McpTool } from '../../interface/mcp.ts'
import { Deadline } from '../network/deadline.ts'
import { VERSION } from '../version.ts'
import { cleaned, resultOf, toolsOf } from './said.ts'
import { fetchFor, MESSAGE_BYTES_MAX } from './server-fetch.ts'
import type { McpServer } from './settings.ts'
import { SignIn } from './sign-in.ts'

/** A server that is not called ends, and its memory is free. */
const IDLE_MS = 10 * 60_000
/** A program that ends at once is not begun again with each call. */
const AGAIN_MS = 5000
const CALLS_MAX = 16
/** Of those, the ones of other devices: a tool may take as long as it is given. */
const CALLS_OF_OTHERS_MAX = 8
const ERROR_CHARS_MAX = 256
/** The client would run regular expressions of the server on this thread. What it says is data, and is bounded in `said.ts`. */
const UNCHECKED: ClientOptions['jsonSchemaValidator'] = {
  getValidator: () => data => ({ valid: true, data: data as never, errorMessage: undefined })
}

export class McpConnection {
  readonly #name: string
  readonly #settings: McpServer
  readonly #clock: Clock
  #client: Promise<Client> | undefined
  #state: McpServerInfo['state'] = 'idle'
  #failedMs = Number.NEGATIVE_INFINITY
  #calls = 0
  #callsOfOthers = 0
  #idle: Timer | undefined
  readonly #signIn: SignIn | undefined
  /** Ends an opening that is waited for. */
  #closing = new AbortController()

  /** @param directory where the sign-in at the server is kept. */
  constructor(name: string, settings: McpServer, clock: Clock, directory: string) {
    this.#name = name
    this.#settings = settings
    this.#clock = clock
    if (settings.oauth !== undefined)
      this.#signIn = new SignIn(join(directory, `${name}.json`), settings.url!, settings.oauth, clock)
  }

  get info(): McpServerInfo {
    return { name: this.#name, state: this.#state, offeredTo: this.#settings.offer ?? null }
  }

  async tools(options: McpOptions): Promise<readonly McpTool[]> {
    const { tools } = await this.#during(options, (client, given) => client.listTools({}, given))
    return toolsOf(tools)
  }

  async call({ tool, input }: McpCall, options: McpOptions): Promise<McpResult> {
    const params = { name: tool, arguments: { ...input } }
    return resultOf(await this.#during(options, (client, given) => client.callTool(params, given)))
  }

  async close(): Promise<void> {
    this.#idle?.cancel()
    const client = this.#client
    this.#client = undefined
    if (this.#state !== 'failed') this.#state = 'idle'
    this.#signIn?.close()
    this.#closing.abort()
    this.#closing = new AbortController()
    await client?.then(
      open => open.close(),
      () => {}
    )
  }

  async #during<T>(
    { asker, seesSignIn, signal, budgetMs }: McpOptions,
    ask: (client: Client, given: { signal?: AbortSignal; timeout: number }) => Promise<T>
  ): Promise<T> {
    const ofOthers = asker === undefined ? 0 : 1
    if (this.#calls >= CALLS_MAX || this.#callsOfOthers + ofOthers > CALLS_OF_OTHERS_MAX)
      throw new OverloadedError(`${this.#name} has ${this.#calls} calls under way.`, AGAIN_MS)
    // Another sign-in would undo the one that its owner is at.
    const waiting = this.#client === undefined ? this.#signInFailure(seesSignIn) : undefined
    if (waiting !== undefined) throw waiting
    const endMs = this.#clock.monotonicMs() + Math.min(budgetMs, this.#settings.timeoutMs)
    const leftMs = () => Math.max(1, endMs - this.#clock.monotonicMs())
    this.#calls++
    this.#callsOfOthers += ofOthers
    this.#idle?.cancel()
    try {
      const client = await this.#opened(leftMs(), signal)
      return await ask(client, { timeout: leftMs(), ...(signal && { signal }) })
    } catch (err) {
      if (signal?.aborted) throw new CancelledError(undefined, { cause: err })
      throw this.#signInFailure(seesSignIn) ?? this.#failure(err)
    } finally {
      this.#calls--
      this.#callsOfOthers -= ofOthers
      if (this.#calls === 0) this.#idle = this.#clock.setTimer(() => void this.close(), IDLE_MS)
    }
  }

  /** It opens for others, too, where this caller waits no longer. */
  async #opened(waitMs: number, signal: AbortSignal | undefined): Promise<Client> {
    using deadline = new Deadline(this.#clock, waitMs, signal)
    deadline.signal.throwIfAborted()
    const { promise: late, reject } = Promise.withResolvers<never>()
    deadline.signal.addEventListener('abort', () => reject(deadline.signal.reason))
    return await Promise.race([late, this.#open()])
  }

  /** Once for all calls that wait for it, in the time of the settings: no caller has it fail by its own. */
  #open(): Promise<Client> {
    if (this.#client !== undefined) return this.#client
    const waitMs = this.#failedMs + AGAIN_MS - this.#clock.monotonicMs()
    if (waitMs > 0) throw new OverloadedError(`${this.#name} has just failed.`, waitMs)
    const opening = this.#connect()
    this.#client = opening
    opening.catch(() => {
      this.#lost(opening)
      this.#state = 'failed'
      this.#failedMs = this.#clock.monotonicMs()
    })
    return opening
  }

  async #connect(): Promise<Client> {
    const [{ Client }, transport] = await Promise.all([
      import('@modelcontextprotocol/client'),
      this.#transport()
    ])
    const client = new Client(
      { name: 'lumos-node', version: VERSION },
      // A program would be begun a second time to be asked which protocol it speaks; a server elsewhere is asked once.
      {
        jsonSchemaValidator: UNCHECKED,
        versionNegotiation: { mode: this.#settings.url === undefined ? 'legacy' : 'auto' }
      }
    )
    const opened = this.#client
    client.onclose = () => this.#lost(opened)
    await client.connect(transport, { timeout: this.#settings.timeoutMs, signal: this.#closing.signal })
    this.#signIn?.end()
    this.#state = this.#settings.url === undefined ? 'running' : 'connected'
    return client
  }

  /** A program gets what its settings name, and of this process only the home, the path and the user. */
  async #transport() {
    const { command, args, env, url, tokenFile, oauth } = this.#settings
    if (url === undefined) {
      const { StdioClientTransport } = await import('@modelcontextprotocol/client/stdio')
      const maxBufferSize = MESSAGE_BYTES_MAX
      return new StdioClientTransport({ command: command!, args, env, stderr: 'ignore', maxBufferSize })
    }
    const { StreamableHTTPClientTransport } = await import('@modelcontextprotocol/client')
    const token = tokenFile === undefined ? undefined : (await readFile(tokenFile, 'utf8')).trim()
    const headers = token === undefined ? undefined : { authorization: `Bearer ${token}` }
    const signIn = this.#signIn
    const server = new URL(url)
    const transport = new StreamableHTTPClientTransport(server, {
      fetch: fetchFor(server, oauth?.issuer),
      ...(headers && { requestInit: { headers } }),
      ...(signIn && { authProvider: signIn })
    })
    await signIn?.open(async answer => {
      await transport.finishAuth(answer)
      this.#failedMs = Number.NEGATIVE_INFINITY
    })
    return transport
  }

  #lost(client: Promise<Client> | undefined): void {
    if (this.#client !== client && this.#client !== undefined) return
    this.#client = undefined
    if (this.#state !== 'failed') this.#state = 'idle'
  }

  /** The owner is told where to sign in; others, only that it is needed: an address leads to the account of who opens it. */
  #signInFailure(seesSignIn = false): LumosError | undefined {
    const address = this.#signIn?.address
    if (address === undefined) return undefined
    const options = seesSignIn
      ? { hint: `Open it in a browser of this device, then call again: ${address}`, details: { address } }
      : {}
    return new LumosError('DENIED', `${this.#name} wants its owner to sign in.`, options)
  }

  #failure(err: unknown): LumosError {
    const { message, code } = err as Error & { code?: unknown }
    if (err instanceof TimeoutError || code === 'REQUEST_TIMEOUT')
      return new TimeoutError(`${this.#name} gave no answer in its time.`)
    if (err instanceof LumosError) return err
    const words = cleaned(message.slice(0, ERROR_CHARS_MAX))
    return new LumosError('TOOL_FAILED', `${this.#name} failed: ${words.replace(/\.?$/, '.')}`, {
      cause: err
    })
  }
}
