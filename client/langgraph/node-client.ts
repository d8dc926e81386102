/** The node of this device, as any program reaches it: units over its unix socket, or over its gateway with a token. */

import { readFileSync, realpathSync } from 'node:fs'
import { Agent, type IncomingMessage, type RequestOptions, request } from 'node:http'
import { homedir } from 'node:os'
import { join, posix, win32 } from 'node:path'
import { json } from 'node:stream/consumers'

/** The longest silence of a node that lives: calls of memory take milliseconds, and a compaction holds them up for seconds. */
const SILENCE_MS = 120_000

export interface NodeOptions {
  /** The node's home; by default LUMOS_HOME, else the platform's folder. Its unix socket asks for no token. */
  readonly home?: string
  /** In place of a home: the node's gateway, such as `http://127.0.0.1:5866`. */
  readonly url?: string
  /** With `url`. It needs the permission `use`: `lumos-node token create`. */
  readonly token?: string
}

/** The node has refused a call, or cannot be reached. `code` is one of docs/http.md. */
export class NodeError extends Error {
  readonly code: string
  readonly hint: string | undefined

  constructor(code: string, message: string, hint?: string, cause?: unknown) {
    super(hint === undefined ? message : `${message} ${hint}`, { cause })
    this.name = 'NodeError'
    this.code = code
    this.hint = hint
  }
}

interface Envelope {
  readonly data: unknown
  readonly error: { readonly code: string; readonly message: string; readonly hint: string | null } | null
}

export class NodeClient {
  readonly #options: NodeOptions
  readonly #agent = new Agent({ keepAlive: true })

  constructor(options: NodeOptions) {
    this.#options = options
  }

  /** @throws {NodeError} */
  async call(unit: string, input: object, signal?: AbortSignal): Promise<unknown> {
    const response = await this.#post(JSON.stringify({ unit, input }), signal)
    const { data, error } = await readEnvelope(response)
    if (error !== null) throw new NodeError(error.code, error.message, error.hint ?? undefined)
    return data
  }

  #post(body: string, signal?: AbortSignal): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const fail = (cause: Error): void => {
      const message = `The node does not answer: ${cause.message}.`
      reject(signal?.aborted ? signal.reason : new NodeError('NODE_NOT_RUNNING', message, START_HINT, cause))
    }
    const sent = request({ ...this.#where(), agent: this.#agent, signal, timeout: SILENCE_MS })
    sent.on('timeout', () => sent.destroy(new Error(`it was silent for ${SILENCE_MS / 1000} s`)))
    sent.on('response', resolve).on('error', fail).end(body)
    return promise
  }

  /** Asked anew for each call: a node that was started again may have another socket. */
  #where(): RequestOptions {
    const { home, url, token } = this.#options
    const asked = {
      method: 'POST',
      path: '/api/v2/execute',
      headers: {
        'content-type': 'application/json',
        ...(token !== undefined && { authorization: `Bearer ${token}` })
      }
    }
    if (url === undefined) return { ...asked, socketPath: socketOf(home ?? defaultHome()) }
    const { protocol, hostname, port } = new URL(url)
    if (protocol !== 'http:')
      throw new NodeError('INVALID_INPUT', `The gateway speaks http:, not ${protocol}`)
    return { ...asked, host: hostname.replace(/^\[|\]$/g, ''), port: port || 80 }
  }
}

const START_HINT = 'Start it: lumos-node start'

async function readEnvelope(response: IncomingMessage): Promise<Envelope> {
  const found = (await json(response)) as Partial<Envelope> | null
  if (found?.error !== undefined) return found as Envelope
  throw new NodeError(
    'PROTOCOL_VIOLATION',
    `What answers there is no lumos-node (status ${response.statusCode}).`
  )
}

/** The running node has written it down, with its home: in a copy of that home it counts for nothing. */
function socketOf(home: string): string {
  try {
    const said = JSON.parse(readFileSync(join(home, 'run.json'), 'utf8')) as Record<string, unknown>
    const { socketPath, home: of = home } = said
    if (realpathSync.native(`${of}`) !== realpathSync.native(home)) throw new Error(`It is that of ${of}.`)
    if (typeof socketPath === 'string') return socketPath
  } catch (cause) {
    throw new NodeError('NODE_NOT_RUNNING', `No node is running in ${home}.`, START_HINT, cause)
  }
  throw new NodeError('NODE_NOT_RUNNING', `The run file in ${home} names no socket.`, START_HINT)
}

function defaultHome(): string {
  const env = process.env
  const { platform } = process
  if (env.LUMOS_HOME) return env.LUMOS_HOME.replace(/^~(?=$|[\\/])/, () => homedir())
  if (platform === 'win32')
    return win32.join(env.LOCALAPPDATA || win32.join(homedir(), 'AppData', 'Local'), 'lumos-node')
  if (platform === 'darwin') return posix.join(homedir(), 'Library', 'Application Support', 'lumos-node')
  const data = env.XDG_DATA_HOME?.startsWith('/')
    ? env.XDG_DATA_HOME
    : posix.join(homedir(), '.local', 'share')
  return posix.join(data, 'lumos-node')
}
