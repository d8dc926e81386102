/** `autostart install|remove|status`: has the system start the node of a home by itself. */

import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { systemClock } from '../../../interface/clock.ts'
import { LumosError } from '../../../interface/errors.ts'
import { type LoadedConfig, loadConfig } from '../../../node/settings/config.ts'
import { isKeyProtected } from '../../../storage/keys/keychain.ts'
import type { GlobalOptions, Invocation } from '../../invocation.ts'
import { runningNode } from '../node/start.ts'
import type { Plan } from './plan.ts'
import { planFor } from './plans.ts'
import { installedText, installPlan, removePlan, stateOf } from './system.ts'
import { checkTarget, targetOf } from './target.ts'

interface InstallOptions extends GlobalOptions {
  readonly system?: boolean
  readonly print?: boolean
}

/** A small device starts a node in a few seconds. */
const READY_TIMEOUT_MS = 30_000
const POLL_MS = 200
const SETUID_WORDS =
  'Its unit is without NoNewPrivileges, under which bubblewrap, which has the setuid bit here, could not sandbox engines.'

export async function install({ options, output }: Invocation<InstallOptions>): Promise<void> {
  const loaded = await loadConfig({ home: options.home })
  const { home } = loaded
  const target = await targetOf(loaded, options.system ?? false)
  const plan = planFor(process.platform, target)
  const { kind, path, text } = plan
  if (options.print) {
    output.data({ kind, path, text }, () => text.trimEnd())
    return
  }
  checkTarget(loaded, target)
  checkUnattended(loaded)
  if (target.system) mustBeRoot()

  const changed = installedText(plan) !== text
  const before = await runningNode(options)
  await installPlan(plan)
  const running = before ?? (await readyNode(options, plan))
  output.data({ event: 'installed', kind, name: plan.name, path, home, changed, node: running.name }, () =>
    [
      `${changed ? 'Installed' : 'Installed already'}: ${path}`,
      `The node of ${home} starts ${plan.when}${target.system ? `, as ${target.user}` : ''}.`,
      before === undefined
        ? `${running.name} is running.`
        : `${running.name} was running and goes on; the system starts the next one.`,
      ...(target.setuidSandbox && target.user !== 'root' ? [SETUID_WORDS] : []),
      plan.advice
    ].join('\n')
  )
}

export async function remove({ options, output }: Invocation): Promise<void> {
  const { home, plans } = await plansOf(options)
  const installed = plans.filter(plan => installedText(plan) !== undefined)
  for (const plan of installed) {
    if (isSystem(plan)) mustBeRoot()
    await removePlan(plan)
  }
  output.data({ event: 'removed', home, items: installed.map(({ kind, path }) => ({ kind, path })) }, () =>
    installed.length === 0
      ? `Nothing to do: the system does not start the node of ${home}.`
      : [
          ...installed.map(({ path }) => `Removed: ${path}`),
          `The system does not start the node of ${home} any more. By hand: lumos-node start`,
          ...(installed.some(({ nodeGoesOn }) => nodeGoesOn)
            ? ['If it runs, it goes on. To end it: lumos-node stop']
            : [])
        ].join('\n')
  )
}

export async function status({ options, output }: Invocation): Promise<void> {
  const { home, plans } = await plansOf(options)
  const items: Item[] = []
  for (const plan of plans) {
    const text = installedText(plan)
    if (text === undefined) continue
    const { kind, name, path } = plan
    items.push({ kind, name, path, current: text === plan.text, ...(await stateOf(plan)) })
  }
  output.data({ home, items }, () =>
    items.length === 0
      ? `The system does not start the node of ${home} by itself. To have it do so: lumos-node autostart install`
      : [
          ...items.flatMap(item => wordsFor(home, item)),
          ...(items.length > 1 ? ['The node is started twice over. Remove both, then install one.'] : [])
        ].join('\n')
  )
}

interface Item extends Pick<Plan, 'kind' | 'name' | 'path'> {
  readonly current: boolean
  readonly enabled: boolean
  readonly running: boolean
}

const wordsFor = (home: string, { path, current, enabled, running }: Item): string[] => [
  `installed  ${path}`,
  `home       ${home}`,
  `enabled    ${enabled ? 'yes' : 'no: it was turned off, or the system cannot be asked. To turn it on: lumos-node autostart install'}`,
  `running    ${running ? 'yes, started by the system' : 'not by the system. See: lumos-node status'}`,
  ...(current
    ? []
    : [
        'It differs from what this lumos-node would write, such as by its Node. Write it anew: lumos-node autostart install'
      ])
]

/** Where a node of this home may be installed. */
async function plansOf(options: GlobalOptions): Promise<{ home: string; plans: Plan[] }> {
  const loaded = await loadConfig({ home: options.home })
  const scopes = process.platform === 'win32' ? [false] : [false, true]
  const plans = scopes.map(async system => planFor(process.platform, await targetOf(loaded, system)))
  return { home: loaded.home, plans: await Promise.all(plans) }
}

const isSystem = ({ kind }: Plan): boolean => kind === 'systemd-system' || kind === 'launchd-daemon'

/** @throws {LumosError} `DENIED` */
function mustBeRoot(): void {
  if (process.getuid?.() === 0) return
  throw new LumosError('DENIED', 'Only root changes what starts with the device.', {
    hint: 'Run the same command with sudo, and name the home: --home HOME'
  })
}

/** A node that starts by itself cannot ask for the passphrase. */
function checkUnattended({ home, config }: LoadedConfig): void {
  if (config.keys.passphraseFile !== null || !isKeyProtected(join(home, 'identity.key'))) return
  throw new LumosError(
    'KEY_LOCKED',
    `The keys of ${home} are under a passphrase, for which a start by itself cannot ask.`,
    {
      hint: 'Name a file with it in the setting keys.passphraseFile.'
    }
  )
}

/** @throws {LumosError} `TIMEOUT` */
async function readyNode(options: GlobalOptions, { advice }: Plan): Promise<{ readonly name: string }> {
  const deadlineMs = systemClock.monotonicMs() + READY_TIMEOUT_MS
  while (systemClock.monotonicMs() < deadlineMs) {
    const running = await runningNode(options)
    if (running !== undefined) return running
    await pause(POLL_MS)
  }
  throw new LumosError(
    'TIMEOUT',
    `It is installed, and the node was not ready within ${READY_TIMEOUT_MS / 1000} s.`,
    {
      hint: advice
    }
  )
}
