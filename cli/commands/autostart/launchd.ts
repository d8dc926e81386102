/** A property list of launchd: an agent, which starts with the login of its user, or a daemon of the device. */

import { posix } from 'node:path'
import { commandOf, type Plan, STOP_TIMEOUT_S, type Target } from './plan.ts'
import { escapeXml } from './xml.ts'

export function launchdPlan(target: Target): Plan {
  const { name, system, uid, userHome } = target
  const domain = system ? 'system' : `gui/${uid}`
  const folder = system ? '/Library/LaunchDaemons' : posix.join(userHome, 'Library', 'LaunchAgents')
  const path = posix.join(folder, `${name}.plist`)
  const bootout = ['launchctl', 'bootout', `${domain}/${name}`] as const
  return {
    kind: system ? 'launchd-daemon' : 'launchd-agent',
    name,
    path,
    text: textOf(target),
    command: commandOf(target),
    probe: ['launchctl', 'print', domain],
    probeHint: 'launchd serves a user who is logged in at the screen. Run this there.',
    // A second bootstrap of one label fails.
    before: [bootout],
    enable: [['launchctl', 'bootstrap', domain, path]],
    disable: [bootout],
    after: [],
    query: ['launchctl', 'print', `${domain}/${name}`],
    readState: answer => ({ enabled: true, running: /^\s*state = running$/m.test(answer) }),
    when: system ? 'with the device' : 'when you log in',
    advice: 'What it says is in the log of its home.'
  }
}

function textOf(target: Target): string {
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">',
    '<!-- Made by: lumos-node autostart install -->',
    '<plist version="1.0">',
    '<dict>',
    `  <key>Label</key><string>${escapeXml(target.name)}</string>`,
    '  <key>ProgramArguments</key>',
    '  <array>',
    ...commandOf(target).map(part => `    <string>${escapeXml(part)}</string>`),
    '  </array>',
    ...(target.system ? [`  <key>UserName</key><string>${escapeXml(target.user)}</string>`] : []),
    '  <key>RunAtLoad</key><true/>',
    '  <key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict>',
    '  <key>HardResourceLimits</key><dict><key>Core</key><integer>0</integer></dict>',
    `  <key>ExitTimeOut</key><integer>${STOP_TIMEOUT_S}</integer>`,
    '</dict>',
    '</plist>',
    ''
  ].join('\n')
}
