/** `doctor`: looks at everything a node needs, and says what to do about what it lacks. */

import { get } from 'node:http'
import { systemClock } from '../../../interface/clock.ts'
import { toLumosError } from '../../../interface/errors.ts'
import type { NodeStatus } from '../../../interface/status.ts'
import { deviceFindings } from '../../../node/doctor/device.ts'
import { type Finding, fail, ok, warn } from '../../../node/doctor/finding.ts'
import { openFilesFound } from '../../../node/doctor/open-files.ts'
import { SettingsFile } from '../../../node/settings/settings-file.ts'
import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'
import { printable, type Style } from '../../output.ts'

const GATEWAY_TIMEOUT_MS = 2000

const STYLES: Readonly<Record<Finding['status'], Style>> = { ok: 'green', warn: 'yellow', fail: 'red' }

export async function run({ options, output }: Invocation): Promise<void> {
  const found = await deviceFindings(new SettingsFile({ home: options.home }), systemClock.wallMs())
  const ofDevice = new Set(found.map(({ check }) => check))
  const ofNode = (await running(options)).filter(({ check }) => !ofDevice.has(check))
  const items = [...found, ...ofNode]

  output.data({ items }, () =>
    items
      .map(({ check, status, message, fix }) => {
        const line = `${output.paint(STYLES[status], status.padEnd(4))}  ${check.padEnd(9)}  ${printable(message)}`
        return fix === null ? line : `${line}\n                 ${printable(fix)}`
      })
      .join('\n')
  )
  if (items.some(({ status }) => status === 'fail')) process.exitCode = 1
}

/** What only the running node can tell. At the limit of its open files it may not answer, which is seen from outside. */
async function running(options: { readonly home?: string }): Promise<Finding[]> {
  let files: Finding[] = []
  try {
    const node = findNode(options)
    files = openFilesFound(`/proc/${node.info.pid}`)
    const { gateway } = (await node.execute<NodeStatus & { gateway: string | null }>('mesh.status')).data
    const { items } = (await node.execute<{ items: Finding[] }>('doctor.check')).data
    return [...items, await gatewayFound(gateway)]
  } catch (err) {
    const { message, hint = 'Look into the log in its home.', details } = toLumosError(err)
    return ['pid' in details ? fail('node', message, hint) : warn('node', message, hint), ...files]
  }
}

async function gatewayFound(gateway: string | null): Promise<Finding> {
  if (await answers(gateway)) return ok('gateway', `${gateway} answers.`)
  const fix = 'Restart the node: lumos-node stop, lumos-node start'
  return fail('gateway', `${gateway} does not answer.`, fix)
}

async function answers(gateway: string | null): Promise<boolean> {
  if (gateway === null) return false
  const { promise, resolve } = Promise.withResolvers<boolean>()
  get(`${gateway}/health/live`, { agent: false, timeout: GATEWAY_TIMEOUT_MS }, response => {
    response.resume()
    resolve(response.statusCode === 200)
  })
    .on('timeout', () => resolve(false))
    .on('error', () => resolve(false))
  return promise
}
