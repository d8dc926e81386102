/**
 * Ports of other programs that a node takes, so that their clients reach the mesh: each is asked for on loopback only,
 * without a token, and answers what that program answers.
 */

import * as z from 'zod'

/** Where each listens, unless it is told otherwise. */
export const PRODUCT_PORTS = { ollama: 11434, lmstudio: 1234 } as const
export const ADOPTABLE = ['ollama', 'lmstudio'] as const
export type Adoptable = (typeof ADOPTABLE)[number]

/** Where a program goes that leaves its port to a node, and where nodes look for it. */
export const movedPort = (port: number): number => port + 1

/** How a person restarts it there. */
export const moveCommand = (product: Adoptable, port: number): string =>
  product === 'ollama'
    ? `OLLAMA_HOST=127.0.0.1:${movedPort(port)} ollama serve`
    : `lms server start --port ${movedPort(port)}`

export const AdoptedPort = z.strictObject({
  product: z.enum(ADOPTABLE),
  port: z.int(),
  /** `waiting`: another program has the port, or it cannot be listened on. It is tried again each second. */
  state: z.enum(['listening', 'waiting']),
  /** Why it waits. */
  reason: z.string().nullable(),
  /** Restarts the other program where it leaves the port free. */
  moveCommand: z.string()
})
export type AdoptedPort = z.infer<typeof AdoptedPort>

/** One port for each product. They are taken again when the node starts. */
export interface Adoption {
  list(): AdoptedPort[]
  /** Takes the port, or waits for it. Another port of the same product is given back. */
  adopt(product: Adoptable, port?: number): Promise<AdoptedPort>
  /** Gives the port back. False: it was not taken. */
  release(product: Adoptable): Promise<boolean>
}
