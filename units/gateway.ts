/** The gateway's own secrets, links that open the page, and the ports of other programs that it takes. */

import * as z from 'zod'
import { ADOPTABLE, AdoptedPort, type Adoption } from '../interface/adoption.ts'
import { LumosError } from '../interface/errors.ts'
import { GrpcState } from '../interface/grpc.ts'
import { defineUnit } from './define-unit.ts'

const PORT_MAX = 65_535

const Product = z.enum(ADOPTABLE)
const MOVED = {
  ...{ product: 'ollama', port: 11434, state: 'waiting', reason: 'another program listens there' },
  move_command: 'OLLAMA_HOST=127.0.0.1:11435 ollama serve'
}

export interface GatewayParts {
  /** Returns how many sessions have ended. */
  rotateToken(): number
  /** Gives nothing while the gateway is closed; absent: there is no page. */
  pageLink?(user: number | undefined): string | undefined
  /** Absent: the gateway takes no ports. */
  readonly adoption?: Adoption | undefined
  /** Absent: the gateway speaks no gRPC. */
  grpc?(): GrpcState
}

const CLOSED: GrpcState = { address: null, fingerprint: null, certificate: null }

export const gatewayUnits = ({ rotateToken, pageLink, adoption, grpc }: GatewayParts) => [
  defineUnit({
    name: 'gateway.link',
    kind: 'command',
    // It lets a browser in, so it is as good as the token.
    permission: 'keys',
    summary:
      'A link that opens the page of this node, and lets one browser in. It counts once, for two minutes.',
    input: z.strictObject({
      /** The number of the user of this device whose browser opens it: on Linux no other user's does. */
      user: z.int().min(0).optional()
    }),
    output: z.strictObject({ url: z.string() }),
    examples: [{ input: { user: 1000 } }],
    run: async ({ user }) => {
      const url = pageLink?.(user)
      if (url === undefined) throw new LumosError('NODE_NOT_RUNNING', 'The gateway of this node is closed.')
      return { url }
    }
  }),
  defineUnit({
    name: 'gateway.rotate_token',
    kind: 'command',
    // A caller over TCP would lose the way in, and could not read the new token.
    permission: 'keys',
    summary: 'Replace the token of the gateway. All sessions end, and every connection over TCP.',
    input: z.strictObject({}),
    // The token itself is in its file, for those who may read that.
    output: z.strictObject({ sessionsEnded: z.int() }),
    run: async () => ({ sessionsEnded: rotateToken() })
  }),
  defineUnit({
    name: 'gateway.grpc',
    kind: 'query',
    permission: 'read',
    summary: 'Where gRPC is spoken, and the certificate that its clients trust or pin.',
    input: z.strictObject({}),
    output: GrpcState,
    run: async () => grpc?.() ?? CLOSED
  }),
  defineUnit({
    name: 'gateway.adopted',
    kind: 'query',
    permission: 'read',
    summary: 'The ports of other programs that this node answers on, or waits for.',
    input: z.strictObject({}),
    output: z.strictObject({ items: z.array(AdoptedPort) }),
    run: async () => ({ items: adoption?.list() ?? [] })
  }),
  defineUnit({
    name: 'gateway.adopt',
    kind: 'command',
    // Programs of this device then ask without the token: that is for its owner to open.
    permission: 'keys',
    idempotent: true,
    summary:
      'Take the port of Ollama or LM Studio, so that its clients reach the mesh, or wait until it is free.',
    input: z.strictObject({ product: Product, port: z.int().min(1).max(PORT_MAX).optional() }),
    examples: [{ input: { product: 'ollama' }, output: MOVED }],
    output: AdoptedPort,
    async run({ product, port }) {
      if (adoption !== undefined) return await adoption.adopt(product, port)
      throw new LumosError('NOT_SUPPORTED', 'The gateway of this node takes no ports of other programs.')
    }
  }),
  defineUnit({
    name: 'gateway.release',
    kind: 'command',
    permission: 'keys',
    idempotent: true,
    summary: 'Give the port of another program back.',
    input: z.strictObject({ product: Product }),
    examples: [{ input: { product: 'ollama' }, output: { product: 'ollama', released: true } }],
    // False: it was not taken.
    output: z.strictObject({ product: Product, released: z.boolean() }),
    run: async ({ product }) => ({ product, released: (await adoption?.release(product)) ?? false })
  })
]
