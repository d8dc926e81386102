/** Devices that sleep, and can be woken over their local network. */

import * as z from 'zod'
import type { LumosNode } from '../interface/node.ts'
import { Wakeable, Woken } from '../interface/wake.ts'
import { defineUnit } from './define-unit.ts'

/** Of a PeerId or a name. */
const DEVICE_CHARS_MAX = 128

export const wakeUnits = ({ wake }: Pick<LumosNode, 'wake'>) => [
  defineUnit({
    name: 'wake.list',
    kind: 'query',
    permission: 'read',
    summary: 'The devices that may be woken, whether they are there, and how long waking takes.',
    input: z.strictObject({}),
    output: z.strictObject({ items: z.array(Wakeable) }),
    run: async () => ({ items: wake.list() })
  }),
  defineUnit({
    name: 'wake.device',
    kind: 'command',
    permission: 'use',
    idempotent: true,
    summary: 'Wake a device that sleeps, and wait until it is connected.',
    input: z.strictObject({ device: z.string().min(1).max(DEVICE_CHARS_MAX) }),
    examples: [{ input: { device: 'tower' } }],
    output: Woken,
    run: ({ device }, { signal }) => wake.wake(device, { signal })
  })
]
