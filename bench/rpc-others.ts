/**
 * What the inference protocol is compared with, each answering with the bytes it was
 * sent: gRPC, with mutual TLS too, HTTP/1.1 with connections kept alive, and our frames on a bare TLS socket.
 */

import http from 'node:http'
import { type AddressInfo, connect as connectTcp, type Socket } from 'node:net'
import tls from 'node:tls'
import * as grpc from '@grpc/grpc-js'
import type { Uint8ArrayList } from 'uint8arraylist'
import { Pool } from 'undici'
import { FrameParser } from '../protocols/wire/frame-parser.ts'
import { FrameWriter } from '../protocols/wire/frame-writer.ts'
import { FRAME_BYTES_MAX } from '../protocols/wire/limits.ts'
import { type Message, MessageReader, messageFrames, TYPE } from '../protocols/wire/messages.ts'
import type { Identity } from './self-signed.ts'

export type Echo = (payload: Uint8Array) => Promise<{ byteLength: number }>

const same = (bytes: Buffer): Buffer => bytes
const ECHO = {
  echo: {
    path: '/bench.Echo/Echo',
    requestStream: false,
    responseStream: false,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same
  }
} as const satisfies grpc.ServiceDefinition

/** @param identity what each side has and both trust: mutual TLS, which a user of gRPC needs to get what a mesh gives. */
export async function serveGrpc(identity?: Identity): Promise<number> {
  const server = new grpc.Server()
  server.addService(ECHO, {
    echo: (call: grpc.ServerUnaryCall<Buffer, Buffer>, reply: grpc.sendUnaryData<Buffer>) =>
      reply(null, call.request)
  })
  return await new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', serverCredentials(identity), (err, port) =>
      err === null ? resolve(port) : reject(err)
    )
  })
}

function serverCredentials(identity: Identity | undefined): grpc.ServerCredentials {
  if (identity === undefined) return grpc.ServerCredentials.createInsecure()
  const { ca, key, cert } = buffersOf(identity)
  return grpc.ServerCredentials.createSsl(ca, [{ private_key: key, cert_chain: cert }], true)
}

function channelCredentials(identity: Identity | undefined): grpc.ChannelCredentials {
  if (identity === undefined) return grpc.credentials.createInsecure()
  const { ca, key, cert } = buffersOf(identity)
  // The certificate names no host.
  return grpc.credentials.createSsl(ca, key, cert, { checkServerIdentity: () => undefined })
}

function buffersOf({ key, cert }: Identity) {
  return { key: Buffer.from(key), cert: Buffer.from(cert), ca: Buffer.from(cert) }
}

export function connectGrpc(port: number, identity?: Identity): Echo {
  const client = new grpc.Client(`localhost:${port}`, channelCredentials(identity))
  const { path } = ECHO.echo
  return payload =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(path, same, same, payload as Buffer, (err, reply) =>
        err === null ? resolve(reply!) : reject(err)
      )
    })
}

export async function serveHttp(): Promise<number> {
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', chunk => chunks.push(chunk))
    request.on('end', () => response.end(Buffer.concat(chunks)))
  })
  server.keepAliveTimeout = 600_000
  return await listening(server)
}

export function connectHttp(port: number, connections: number): Echo {
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections, pipelining: 1 })
  return async payload => {
    const { body } = await pool.request({ path: '/', method: 'POST', body: payload })
    return await body.arrayBuffer()
  }
}

/** A key both sides have: the same records as with certificates, and no certificate to make. */
const SHARED_KEY: tls.SecureContextOptions & { maxVersion: 'TLSv1.2' } = {
  ciphers: 'PSK-AES128-GCM-SHA256',
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.2'
}
const psk = Buffer.alloc(32, 7)

export async function serveTls(): Promise<number> {
  const server = tls.createServer({ ...SHARED_KEY, pskCallback: () => psk }, socket => {
    onMessages(socket, ({ call, control, data }, reply) => {
      for (const [type, body] of messageFrames(TYPE.done, call, 0, control, data)) reply.add(type, body)
    })
    socket.on('error', () => {})
  })
  return await listening(server)
}

export async function connectTls(port: number): Promise<Echo> {
  const socket = tls.connect({
    ...SHARED_KEY,
    socket: connectTcp(port, '127.0.0.1'),
    pskCallback: () => ({ psk, identity: 'bench' }),
    checkServerIdentity: () => undefined
  })
  await new Promise((resolve, reject) => {
    socket.once('secureConnect', resolve)
    socket.once('error', reject)
  })
  const waiting = new Map<number, (reply: Uint8Array) => void>()
  const writer = onMessages(socket, ({ call, data }) => {
    waiting.get(call)?.(data![0]!)
    waiting.delete(call)
  })
  let last = 0
  return payload =>
    new Promise(resolve => {
      const call = ++last
      waiting.set(call, resolve)
      for (const [type, body] of messageFrames(TYPE.request, call, 0, NOTHING_SAID, [payload]))
        writer.add(type, body)
      if (waiting.size === 1) writer.flush()
    })
}

/** One byte, since an empty control body means that it comes as the first value. */
const NOTHING_SAID = Uint8Array.of(0xf6)

function onMessages(socket: Socket, onMessage: (message: Message, writer: FrameWriter) => void): FrameWriter {
  const send = (bytes: Uint8Array | Uint8ArrayList): void => {
    if (bytes instanceof Uint8Array) socket.write(bytes)
    else for (const part of bytes) socket.write(part)
  }
  const [parser, reader, writer] = [new FrameParser(), new MessageReader(), new FrameWriter(send)]
  socket.setNoDelay(true)
  socket.on('data', (chunk: Buffer) => {
    parser.push(chunk)
    for (
      let frame = parser.take(FRAME_BYTES_MAX);
      frame !== undefined;
      frame = parser.take(FRAME_BYTES_MAX)
    ) {
      const message = reader.push(frame)
      if (message !== undefined) onMessage(message, writer)
    }
  })
  return writer
}

async function listening(server: http.Server | tls.Server): Promise<number> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}
