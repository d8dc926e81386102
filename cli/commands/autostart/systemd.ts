/** A unit of systemd: of the user, which starts with the login, or of the system. */

import { join } from 'node:path'
import { commandOf, EXIT_CODES_FINAL, type Plan, STOP_TIMEOUT_S, type Target } from './plan.ts'

export function systemdPlan(target: Target): Plan {
  const { name, system, configHome } = target
  const unit = `${name}.service`
  const systemctl = (...args: string[]): readonly [string, ...string[]] => [
    'systemctl',
    ...(system ? [] : ['--user']),
    ...args
  ]
  return {
    kind: system ? 'systemd-system' : 'systemd-user',
    name: unit,
    path: join(system ? '/etc/systemd/system' : join(configHome, 'systemd', 'user'), unit),
    text: textOf(target),
    command: commandOf(target),
    probe: systemctl('show', '--property=Version'),
    probeHint: system
      ? 'This device was not started by systemd: have its own init start the node.'
      : 'systemd serves a user who is logged in; su, sudo and containers make no login. For the whole device, as root: lumos-node autostart install --system --home HOME',
    before: [],
    enable: [systemctl('daemon-reload'), systemctl('enable', '--now', unit)],
    disable: [systemctl('disable', '--now', unit)],
    after: [systemctl('daemon-reload')],
    query: systemctl('show', '--property=UnitFileState', '--property=ActiveState', unit),
    readState: answer => ({
      enabled: /^UnitFileState=enabled$/m.test(answer),
      running: /^ActiveState=(active|deactivating)$/m.test(answer)
    }),
    when: system ? 'with the device' : 'when you log in',
    advice: system
      ? `What it says: journalctl -u ${unit}`
      : `What it says: journalctl --user -u ${unit}. To start it without a login: loginctl enable-linger`
  }
}

/**
 * What a node never does, forbidden. Left out is what a node needs: `ProtectKernelTunables` and `ProtectProc` cover
 * parts of `/proc`, after which the sandbox of engines may mount none of its own; `PrivateDevices` and `ProtectClock`
 * hide graphics processors; `MemoryDenyWriteExecute` ends V8; `PrivateTmp` hides the socket of a long home; and
 * `ReadWritePaths` makes of a home a mount of its own, into which no file can be linked.
 */
const HARDENING = ['ProtectSystem=full'] as const
/** Each of these means the first one where the node is not root. */
const NO_MORE_RIGHTS = [
  'NoNewPrivileges=yes',
  'ProtectKernelModules=yes',
  'RestrictSUIDSGID=yes',
  'LockPersonality=yes',
  'RestrictRealtime=yes'
] as const
const WITHOUT =
  '# bubblewrap has the setuid bit here, and NoNewPrivileges would take the sandbox of engines from it.'

const hardeningOf = ({ setuidSandbox = false, user }: Target): readonly string[] => {
  const keepsSandbox = setuidSandbox && user !== 'root'
  return [...HARDENING, ...(keepsSandbox ? [WITHOUT] : NO_MORE_RIGHTS)]
}

function textOf(target: Target): string {
  const { home, system, user } = target
  const [program, ...args] = commandOf(target)
  return [
    '# Made by: lumos-node autostart install',
    '[Unit]',
    `Description=The node of ${percent(home)}`,
    ...(system ? ['Wants=network-online.target', 'After=network-online.target'] : []),
    '',
    '[Service]',
    // Variables are replaced in the arguments and not in the program.
    `ExecStart=${[quoted(program!), ...args.map(arg => quoted(arg).replaceAll('$', '$$$$'))].join(' ')}`,
    ...(system ? [`User=${user}`, ...hardeningOf(target)] : []),
    '# Its memory has keys.',
    'LimitCORE=0',
    'Restart=on-failure',
    'RestartSec=5',
    `RestartPreventExitStatus=${EXIT_CODES_FINAL.join(' ')}`,
    '# The node lets answers under way end, and then ends its engines.',
    'KillMode=mixed',
    `TimeoutStopSec=${STOP_TIMEOUT_S}`,
    '# An engine that takes too much memory costs that engine.',
    'OOMPolicy=continue',
    '',
    '[Install]',
    `WantedBy=${system ? 'multi-user' : 'default'}.target`,
    ''
  ].join('\n')
}

/** systemd replaces what follows a percent sign. */
const percent = (text: string): string => text.replaceAll('%', '%%')

const quoted = (text: string): string => `"${percent(text).replace(/["\\]/g, '\\$&')}"`
