/** `token show|rotate`: what programs and browsers show to this node's gateway. */

import { existsSync } from 'node:fs'
import { LumosError } from '../../../interface/errors.ts'
import { gatewayTokenPath, makeGatewayToken, readGatewayToken } from '../../../storage/home/gateway-token.ts'
import { findNode, homeOf } from '../../client.ts'
import type { GlobalOptions, Invocation } from '../../invocation.ts'

export async function show({ options, output }: Invocation): Promise<void> {
  const path = gatewayTokenPath(homeOf(options))
  const token = readGatewayToken(path)
  if (token === undefined) {
    throw new LumosError('NODE_NOT_RUNNING', `There is no token in ${path}: no node ever ran there.`, {
      hint: 'Start one: lumos-node start'
    })
  }
  output.data({ token, path }, () => token)
}

export async function rotate({ options, output }: Invocation): Promise<void> {
  const path = gatewayTokenPath(homeOf(options))
  const sessionsEnded = (await rotateRunning(options)) ?? (await rotateStopped(homeOf(options), path))
  output.data({ event: 'rotated', path, sessions_ended: sessionsEnded }, () => {
    const sessions = sessionsEnded === 1 ? '1 session has' : `${sessionsEnded} sessions have`
    return `The token is a new one, in ${path}. ${sessions} ended.`
  })
}

/** A running node holds the token in memory, and sessions; undefined when none runs. */
async function rotateRunning(options: GlobalOptions): Promise<number | undefined> {
  try {
    const { data } = await findNode(options).execute<{ sessionsEnded: number }>('gateway.rotate_token')
    return data.sessions_ended
  } catch (err) {
    if (err instanceof LumosError && err.code === 'NODE_NOT_RUNNING') return undefined
    throw err
  }
}

async function rotateStopped(home: string, path: string): Promise<number> {
  if (!existsSync(home)) {
    throw new LumosError('NODE_NOT_RUNNING', `There is no home at ${home}.`, {
      hint: 'Start a node there: lumos-node start'
    })
  }
  // SQLite is for this branch only.
  const { HomeLock } = await import('../../../storage/home/home-lock.ts')
  using _lock = HomeLock.take(home)
  makeGatewayToken(path)
  return 0
}
