/**
 * The sign-in at one MCP server elsewhere (OAuth 2.1). The protocol is the library's; here is where the
 * browser of the owner comes back to.
 */

import { randomBytes, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type {
  OAuthClientInformationContext,
  OAuthClientMetadata,
  OAuthClientProvider,
  OAuthDiscoveryState,
  StoredOAuthClientInformation,
  StoredOAuthTokens
} from '@modelcontextprotocol/client'
import type { Clock, Timer } from '../../interface/clock.ts'
import { KeptSignIn } from './kept-sign-in.ts'
import type { SignInSettings } from './settings.ts'

/** A person who has not signed in by then asks again. */
const SIGN_IN_MS = 10 * 60_000
const CALLBACK = '/callback'

export class SignIn implements OAuthClientProvider {
  readonly clientMetadataUrl: string | undefined
  readonly #kept: KeptSignIn
  readonly #settings: SignInSettings
  readonly #clock: Clock
  #secret: string | undefined
  #server: Server | undefined
  #timer: Timer | undefined
  #verifier = ''
  #state = ''
  #address: string | undefined
  /** Of the sign-in under way: what the browser brings back is for the server that it was sent to. */
  #discovery: OAuthDiscoveryState | undefined
  #isFinishing = false
  #isClosed = false
  #finish: (answer: URLSearchParams) => Promise<void> = async () => {}

  /**
   * @param path of the file that it is kept in, for the user of the node alone.
   * @param url of the server.
   */
  constructor(path: string, url: string, settings: SignInSettings, clock: Clock) {
    this.#kept = new KeptSignIn(path, url)
    this.#settings = settings
    this.#clock = clock
    this.clientMetadataUrl = settings.clientMetadataUrl
  }

  /** Where the owner signs in, while the server waits for that. */
  get address(): string | undefined {
    return this.#address
  }

  /** Before the library is given this. @param finish called with what the browser brings back. */
  async open(finish: (answer: URLSearchParams) => Promise<void>): Promise<void> {
    this.#finish = finish
    this.#isClosed = false
    const { clientSecretFile } = this.#settings
    if (clientSecretFile !== undefined) this.#secret = (await readFile(clientSecretFile, 'utf8')).trim()
    await this.#kept.read()
    await this.#listen()
  }

  close(): void {
    this.#isClosed = true
    this.end()
  }

  /** Waits for no browser: the server has let this node in. */
  end(): void {
    this.#timer?.cancel()
    this.#server?.close()
    this.#server?.closeAllConnections()
    this.#server = undefined
    this.#address = undefined
  }

  get redirectUrl(): string {
    return `http://127.0.0.1:${this.#kept.port}${CALLBACK}`
  }

  get clientMetadata(): OAuthClientMetadata {
    return {
      client_name: 'lumos-node',
      redirect_uris: [this.redirectUrl],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code']
    }
  }

  /** While the owner is at one sign-in, what another would begin with is not kept: it would undo the first. */
  state(): string {
    const state = randomBytes(32).toString('base64url')
    if (this.#address === undefined) this.#state = state
    return state
  }

  clientInformation(context?: OAuthClientInformationContext): StoredOAuthClientInformation | undefined {
    const { clientId, issuer } = this.#settings
    if (clientId === undefined) return of(context, this.#kept.client)
    const secret = this.#secret === undefined ? {} : { client_secret: this.#secret }
    return of(context, { client_id: clientId, ...secret, ...(issuer !== undefined && { issuer }) })
  }

  saveClientInformation(client: StoredOAuthClientInformation): Promise<void> {
    return this.#kept.keep({ client })
  }

  tokens(context?: OAuthClientInformationContext): StoredOAuthTokens | undefined {
    return of(context, this.#kept.tokens)
  }

  saveTokens(tokens: StoredOAuthTokens): Promise<void> {
    return this.#kept.keep({ tokens })
  }

  saveCodeVerifier(verifier: string): void {
    if (this.#address === undefined) this.#verifier = verifier
  }

  codeVerifier(): string {
    return this.#verifier
  }

  saveDiscoveryState(state: OAuthDiscoveryState): void {
    if (this.#address === undefined) this.#discovery = state
  }

  /** Any other time it is looked for anew: the server may have moved to another. */
  discoveryState(): OAuthDiscoveryState | undefined {
    return this.#isFinishing ? this.#discovery : undefined
  }

  async redirectToAuthorization(url: URL): Promise<void> {
    await this.#listen()
    if (url.protocol === 'https:' || url.protocol === 'http:') this.#address ??= url.href
  }

  async invalidateCredentials(scope: 'all' | 'client' | 'tokens' | 'verifier' | 'discovery'): Promise<void> {
    if (scope === 'all' || scope === 'client') await this.#kept.keep({ client: undefined })
    if (scope === 'all' || scope === 'tokens') await this.#kept.keep({ tokens: undefined })
  }

  async #listen(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = this.#clock.setTimer(() => this.end(), SIGN_IN_MS)
    if (this.#server !== undefined) return
    const server = await listening(this.#kept.port ?? 0).catch(() => listening(0))
    if (this.#isClosed || this.#server !== undefined) {
      server.close()
      return
    }
    this.#server = server
    server.unref()
    server.on('request', (incoming, outgoing) => {
      const [path, query] = (incoming.url ?? '').split('?', 2)
      const searchParams = new URLSearchParams(query)
      const known = path === CALLBACK && this.#isAsked(searchParams.get('state') ?? '')
      outgoing.setHeader('content-type', 'text/plain; charset=utf-8')
      if (!known) {
        outgoing.writeHead(404).end('This node has not asked for this sign-in.\n')
        return
      }
      this.#state = ''
      this.#address = undefined
      this.#isFinishing = true
      this.#finish(searchParams)
        .finally(() => {
          this.#isFinishing = false
        })
        .then(
          () => outgoing.end('You are signed in. This page can be closed.\n'),
          // What the server says of it may be another's words.
          () => outgoing.writeHead(403).end('The sign-in failed. Call the tool again for another.\n')
        )
    })
    const { port } = server.address() as AddressInfo
    // A server that knows the client by another address is told of this one.
    if (port !== this.#kept.port) await this.#kept.keep({ port, client: undefined })
  }

  #isAsked(state: string): boolean {
    const [given, own] = [Buffer.from(state), Buffer.from(this.#state)]
    return own.length > 0 && given.length === own.length && timingSafeEqual(given, own)
  }
}

async function listening(port: number): Promise<Server> {
  const server = createServer().listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server
}

/** What one authorization server gave is not shown to another. */
function of<T extends { issuer?: string }>(
  context: OAuthClientInformationContext | undefined,
  kept: T | undefined
): T | undefined {
  const isOther =
    context?.issuer !== undefined && kept?.issuer !== undefined && kept.issuer !== context.issuer
  return isOther ? undefined : kept
}
