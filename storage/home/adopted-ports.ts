/** `adopted.json`: the ports of other programs that a node takes when it starts. */

import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { ADOPTABLE } from '../../interface/adoption.ts'
import { writeFileDurably } from '../database/durable-file.ts'

const PORT_MAX = 65_535

const Stored = z.array(z.strictObject({ product: z.enum(ADOPTABLE), port: z.int().min(1).max(PORT_MAX) }))
type StoredPort = z.infer<typeof Stored>[number]

export const adoptedPortsPath = (home: string): string => join(home, 'adopted.json')

/** Those of a home. */
export const adoptedPortsOf = (home: string) => ({
  read: () => readAdoptedPorts(adoptedPortsPath(home)),
  /** Durable when this returns. */
  write(ports: readonly StoredPort[]): void {
    const path = adoptedPortsPath(home)
    if (ports.length === 0) rmSync(path, { force: true })
    else writeFileDurably(path, `${JSON.stringify(ports)}\n`)
  }
})

/** None also where the file makes no sense: a node goes on without them. */
export function readAdoptedPorts(path: string): StoredPort[] {
  try {
    return Stored.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch {
    return []
  }
}
