/** The official client, with objects in place of `Struct`. */

import { join } from 'node:path'
import * as grpc from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { fieldsOf } from '../../gateway/grpc/wire.ts'

const FOLDER = join(import.meta.dirname, '../../gateway/grpc')
const OPTIONS = { oneofs: true, longs: Number, enums: String, defaults: true }

// biome-ignore lint/suspicious/noExplicitAny: what the loader makes, and answers of every shape
type Any = any
type Value = Record<string, Any>

function structOf(object: object): object {
  return { fields: Object.fromEntries(Object.entries(object).map(([key, value]) => [key, kindOf(value)])) }
}

function kindOf(value: unknown): object {
  if (value === null || value === undefined) return { nullValue: 0 }
  if (typeof value === 'number') return { numberValue: value }
  if (typeof value === 'string') return { stringValue: value }
  if (typeof value === 'boolean') return { boolValue: value }
  return Array.isArray(value)
    ? { listValue: { values: value.map(kindOf) } }
    : { structValue: structOf(value) }
}

export function objectOf(struct: Any): Any {
  const fields: [string, Value][] = Object.entries(struct?.fields ?? {})
  return Object.fromEntries(fields.map(([key, value]) => [key, plain(value)]))
}

function plain(value: Value): unknown {
  if (value.kind === 'structValue') return objectOf(value.structValue)
  if (value.kind === 'listValue') return value.listValue.values.map(plain)
  return value.kind === 'nullValue' ? null : value[value.kind]
}

export const definitionsIn = (name: string) => loadSync(join(FOLDER, name), OPTIONS)

export interface Failure {
  readonly status: number
  readonly words: string
  /** As HTTP has it. */
  readonly error: Any
}

/** The error of HTTP, out of the trailer that all libraries of gRPC know. */
function failureOf({ code, details, metadata }: grpc.ServiceError): Failure {
  const [bytes] = metadata.get('grpc-status-details-bin') as Buffer[]
  if (bytes === undefined) return { status: code, words: details, error: undefined }
  const any = [...fieldsOf(bytes)].find(({ number }) => number === 3)!.bytes
  const struct = [...fieldsOf(any)].find(({ number }) => number === 2)!.bytes
  // A response whose first field is this struct.
  const size = Buffer.from([0x0a, (struct.length & 0x7f) | 0x80, struct.length >> 7])
  const { Execute } = definitionsIn('aima.proto')['aima.v2.AIMAService'] as Any
  return {
    status: code,
    words: details,
    error: objectOf(Execute.responseDeserialize(Buffer.concat([size, struct])).data)
  }
}

export interface Server {
  readonly address: string | null
  readonly certificate: string | null
}

export function connect({ address, certificate }: Server, token?: string) {
  const ssl = grpc.credentials.createSsl(Buffer.from(certificate!))
  const metadata = new grpc.Metadata()
  if (token !== undefined) metadata.set('authorization', `Bearer ${token}`)
  const clients: grpc.Client[] = []
  const open = (file: string, pick: (packages: Any) => Any): Any => {
    const Client = pick(grpc.loadPackageDefinition(definitionsIn(file)))
    const client = new Client(address, ssl)
    clients.push(client)
    return client
  }
  const service = open('aima.proto', packages => packages.aima.v2.AIMAService)
  /** Its items, and then what it ended with. */
  async function* itemsOf(call: grpc.ClientReadableStream<Any>) {
    try {
      yield* call
    } catch (thrown) {
      throw failureOf(thrown as grpc.ServiceError)
    }
  }
  return {
    service,
    metadata,
    open,
    itemsOf,
    ask(client: Any, method: string, request: object, options: grpc.CallOptions = {}): Promise<Any> {
      const { promise, resolve, reject } = Promise.withResolvers<Any>()
      client[method](request, metadata, options, (error: grpc.ServiceError | null, answer: Any) =>
        error ? reject(failureOf(error)) : resolve(answer)
      )
      return promise
    },
    async execute(
      unit: string,
      input: object = {},
      options: object = {},
      call: grpc.CallOptions = {}
    ): Promise<Any> {
      const { data, meta } = await this.ask(
        service,
        'Execute',
        { unit, input: structOf(input), options },
        call
      )
      return { data: objectOf(data), meta: objectOf(meta) }
    },
    stream: (unit: string, input: object = {}, options: object = {}, call: grpc.CallOptions = {}) =>
      service.ExecuteStream(
        { unit, input: structOf(input), options },
        metadata,
        call
      ) as grpc.ClientReadableStream<Any>,
    [Symbol.dispose]() {
      for (const client of clients) client.close()
    }
  }
}
