/** `doctor`: looks at everything a node needs, and says what to do about what it lacks. */

import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { get } from 'node:http'
import { dirname } from 'node:path'
import type { AdoptedPort } from '../../../interface/adoption.ts'
import type { DiscoveryReport } from '../../../interface/discovery.ts'
import { toLumosError } from '../../../interface/errors.ts'
import type { MemberInfo, MeshInfo } from '../../../interface/mesh.ts'
import type { EngineSandbox, PeerInfo } from '../../../interface/node.ts'
import type { SnakeCase } from '../../../interface/snake-case.ts'
import type { NodeStatus } from '../../../interface/status.ts'
import { loadConfig } from '../../../node/settings/config.ts'
import { checkFormat } from '../../../storage/home/format.ts'
import type { ModelList } from '../../../units/model.ts'
import { findNode, homeOf } from '../../client.ts'
import { clockWarning } from '../../clock-warning.ts'
import { type Finding, fail, ok, warn } from '../../finding.ts'
import type { Invocation } from '../../invocation.ts'
import type { Style } from '../../output.ts'
import { adoptedFound, copiesFound, modelsFound, originsFound, silentFound } from './doctor-peers.ts'
import { networkFindings } from './network-findings.ts'
import { openFilesFound } from './open-files.ts'

const NODE_MAJOR_MIN = 24
const GATEWAY_TIMEOUT_MS = 2000
const STORAGE_ADVICE: Readonly<Record<'full' | 'failing', [message: string, fix: string]>> = {
  full: [
    'The disk is full. Answers go on; nothing new is stored.',
    'Free some space: the node stores the rest within seconds, without a restart.'
  ],
  failing: ['The disk does not do what it is asked.', 'Look at its health, and back it up.']
}
const SANDBOX_ADVICE =
  process.platform === 'linux'
    ? 'Install bubblewrap, where the system allows it to ordinary users, and restart the node.'
    : 'Serve only models that you trust: on this system there is no sandbox for engines.'

const STYLES: Readonly<Record<Finding['status'], Style>> = { ok: 'green', warn: 'yellow', fail: 'red' }

export async function run({ options, output }: Invocation): Promise<void> {
  const home = homeOf(options)
  const settings = await config(options.home)
  const items = [nodeVersion(), homeUsable(home), settings, clock(), ...(await running(options))]

  output.data({ items }, () =>
    items
      .map(({ check, status, message, fix }) => {
        const line = `${output.paint(STYLES[status], status.padEnd(4))}  ${check.padEnd(9)}  ${message}`
        return fix === null ? line : `${line}\n                 ${fix}`
      })
      .join('\n')
  )
  if (items.some(({ status }) => status === 'fail')) process.exitCode = 1
}

function nodeVersion(): Finding {
  const major = Number(process.versions.node.split('.')[0])
  if (major >= NODE_MAJOR_MIN) return ok('runtime', `Node ${process.version}.`)
  return fail('runtime', `Node ${process.version} is too old.`, `Install Node ${NODE_MAJOR_MIN} or newer.`)
}

function homeUsable(home: string): Finding {
  if (!existsSync(home)) {
    const parent = existingParent(home)
    return isWritable(parent)
      ? ok('home', `${home} will be made at the first start.`)
      : fail(
          'home',
          `${home} cannot be made: ${parent} is not writable.`,
          'Choose another home: --home or LUMOS_HOME.'
        )
  }
  const { mode } = statSync(home)
  if (!isWritable(home)) return fail('home', `${home} is not writable.`, `Run: chmod u+rwx ${home}`)
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    return warn('home', `${home} can be read by other users of this device.`, `Run: chmod 700 ${home}`)
  }
  try {
    checkFormat(home)
  } catch (err) {
    const { message, hint = '' } = toLumosError(err)
    return fail('home', message, hint)
  }
  return ok('home', `${home} is writable, and private.`)
}

const existingParent = (path: string): string => (existsSync(path) ? path : existingParent(dirname(path)))

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK | constants.X_OK)
    return true
  } catch {
    return false
  }
}

async function config(home: string | undefined): Promise<Finding> {
  try {
    const { path } = await loadConfig({ home })
    return ok('config', existsSync(path) ? `${path} is valid.` : 'Defaults; there is no lumos.yaml.')
  } catch (err) {
    return fail('config', toLumosError(err).message, 'Correct it, then run: lumos-node config check')
  }
}

function clock(): Finding {
  const now = new Date()
  const [warning] = clockWarning(now.getTime())
  return warning === undefined ? ok('clock', `${now.toISOString()}.`) : warn('clock', warning, 'See: date')
}

interface Status extends NodeStatus {
  readonly gateway: string | null
  readonly refusedOrigins: readonly string[]
  readonly adopted: readonly AdoptedPort[]
}

/** What only the running node can tell. */
async function running(options: { readonly home?: string }): Promise<Finding[]> {
  let status: SnakeCase<Status>
  let discovery: SnakeCase<DiscoveryReport>
  let peers: SnakeCase<PeerInfo[]>
  let members: SnakeCase<MemberInfo[]>
  let sandbox: EngineSandbox
  let mesh: SnakeCase<MeshInfo>
  let models: SnakeCase<ModelList>
  let files: Finding[] = []
  try {
    const node = findNode(options)
    files = openFilesFound(`/proc/${node.info.pid}`)
    status = (await node.execute<Status>('mesh.status')).data
    sandbox = (await node.execute<{ sandbox: EngineSandbox }>('model.sandbox')).data.sandbox
    mesh = (await node.execute<MeshInfo>('mesh.show')).data
    models = (await node.execute<ModelList>('model.list')).data
    discovery = (await node.execute<DiscoveryReport>('mesh.discovery')).data
    members = (await node.execute<{ items: MemberInfo[] }>('mesh.members')).data.items
    peers = (await node.execute<{ items: PeerInfo[] }>('mesh.peers')).data.items
  } catch (err) {
    const { message, hint = 'Look into the log in its home.', details } = toLumosError(err)
    return ['pid' in details ? fail('node', message, hint) : warn('node', message, hint), ...files]
  }

  return [
    ok('node', `${status.name} is running as ${status.peer_id}.`),
    status.storage === 'ok'
      ? ok('storage', 'The disk takes what is to be stored.')
      : fail('storage', ...STORAGE_ADVICE[status.storage]),
    ...files,
    ...membershipOf(mesh),
    modelsFound(models),
    sandboxOf(sandbox),
    (await answers(status.gateway))
      ? ok('gateway', `${status.gateway} answers.`)
      : fail(
          'gateway',
          `${status.gateway} does not answer.`,
          'Restart the node: lumos-node stop, lumos-node start'
        ),
    ...originsFound(status.refused_origins),
    ...adoptedFound(status.adopted),
    ...networkFindings({ status, discovery, peers, members }),
    ...silentFound(peers),
    ...copiesFound(members.filter(({ self }) => !self || discovery.copy === null))
  ]
}

const membershipOf = ({ name, advice }: Pick<MeshInfo, 'name' | 'advice'>): Finding[] =>
  advice.length === 0
    ? [ok('mesh', `This device is a member of "${name}".`)]
    : advice.map(words => warn('mesh', `${words}.`, 'See more: lumos-node mesh show'))

function sandboxOf(sandbox: EngineSandbox): Finding {
  switch (sandbox) {
    case 'bubblewrap':
      return ok('engines', 'Engines see their model and no network (bubblewrap).')
    case 'user':
      return ok('engines', 'Engines run as another user, who cannot read this home. They have the network.')
    case 'none':
      return warn(
        'engines',
        'Engines are not sandboxed: a hole in one reads what this user reads.',
        SANDBOX_ADVICE
      )
  }
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
