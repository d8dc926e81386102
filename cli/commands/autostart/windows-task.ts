/** A task of Windows that starts with the login of its user. */

import { win32 } from 'node:path'
import { LumosError } from '../../../interface/errors.ts'
import { commandOf, type Plan, type Target } from './plan.ts'
import { escapeXml } from './xml.ts'

/** Starts a program of the console without a window. */
const HEADLESS = '%SystemRoot%\\System32\\conhost.exe'

export function windowsTaskPlan(target: Target): Plan {
  const { name, home, system } = target
  if (system) {
    throw new LumosError('USAGE', 'On Windows the node starts with the login of its user, and not before.', {
      hint: 'Leave out --system.'
    })
  }
  const path = win32.join(home, 'autostart.xml')
  return {
    kind: 'windows-task',
    name,
    path,
    text: `\ufeff${textOf(target)}`,
    // What schtasks reads.
    encoding: 'utf16le',
    command: commandOf(target),
    probe: ['schtasks', '/Query'],
    probeHint: 'The task scheduler of Windows does not answer: start its service.',
    before: [],
    enable: [
      ['schtasks', '/Create', '/F', '/TN', name, '/XML', path],
      ['schtasks', '/Run', '/TN', name]
    ],
    disable: [['schtasks', '/Delete', '/F', '/TN', name]],
    after: [],
    nodeGoesOn: true,
    // Unlike those of schtasks, these words are the same in every language of Windows.
    query: ['powershell', '-NoProfile', '-Command', `(Get-ScheduledTask -TaskName '${name}').State`],
    readState: answer => ({
      enabled: /\b(Ready|Running|Queued)\b/.test(answer),
      running: /\bRunning\b/.test(answer)
    }),
    when: 'when you log in',
    advice: 'What it says is in the log of its home.'
  }
}

function textOf(target: Target): string {
  const { home, user } = target
  return [
    '<?xml version="1.0" encoding="UTF-16"?>',
    '<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">',
    `  <RegistrationInfo><Description>The node of ${escapeXml(home)}</Description></RegistrationInfo>`,
    `  <Triggers><LogonTrigger><UserId>${escapeXml(user)}</UserId></LogonTrigger></Triggers>`,
    '  <Principals>',
    `    <Principal id="Author"><UserId>${escapeXml(user)}</UserId><LogonType>InteractiveToken</LogonType><RunLevel>LeastPrivilege</RunLevel></Principal>`,
    '  </Principals>',
    '  <Settings>',
    '    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>',
    '    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>',
    '    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>',
    '    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>',
    '    <RestartOnFailure><Interval>PT1M</Interval><Count>255</Count></RestartOnFailure>',
    '  </Settings>',
    '  <Actions Context="Author">',
    `    <Exec><Command>${HEADLESS}</Command><Arguments>${escapeXml(['--headless', ...commandOf(target).map(quoted)].join(' '))}</Arguments></Exec>`,
    '  </Actions>',
    '</Task>',
    ''
  ].join('\r\n')
}

/** As programs of Windows split their command line: backslashes count double before a quote. */
const quoted = (text: string): string => `"${text.replace(/(\\*)"/g, '$1$1\\"').replace(/\\+$/, '$&$&')}"`
