/** `invite`: a code for one device, as text, as a QR code, or in a file. */

import { systemClock } from '../../../interface/clock.ts'
import type { EventData } from '../../../interface/events.ts'
import type { Invitation } from '../../../interface/mesh.ts'
import type { SnakeCase } from '../../../interface/snake-case.ts'
import { findNode } from '../../client.ts'
import { onInterrupt } from '../../interrupted.ts'
import type { Invocation } from '../../invocation.ts'
import type { Output } from '../../output.ts'
import { writePrivateFile } from '../../output-file.ts'
import { canAsk } from '../../prompt.ts'
import { roleOf } from '../../role.ts'

interface InviteOptions {
  readonly role: string
  readonly qr?: boolean
  readonly file?: string
  readonly wait?: boolean
}

type Used = SnakeCase<EventData<'mesh.invite_used'>>

export async function run({ options, output }: Invocation<InviteOptions>): Promise<void> {
  const node = findNode(options)
  const wait = options.wait ?? (canAsk() && !output.json && options.file === undefined)
  // Before the code is out, so that its use is not missed.
  const used = wait ? node.watch({ names: ['mesh.invite_used'] }) : undefined
  const first = used?.next()

  const { data } = await node.execute<Invitation>('mesh.invite', { role: roleOf(options.role) })
  const file = options.file && writePrivateFile(options.file, `${data.code}\n`)
  const shown = file === undefined ? data : { ...data, code: undefined, file }
  const qr = options.qr ?? (canAsk() && !output.json && file === undefined)
  // First, so that the line to type is what stays in sight.
  if (qr) await printQr(data.code, options.qr === true, output)
  output.data(shown, () => wordsFor(data, file, output))
  if (first !== undefined) await printUse(first, data, output)
}

export function wordsFor(
  { code, role, expires_at_ms, left_out }: SnakeCase<Invitation>,
  file: string | undefined,
  output: Output
): string {
  const left = Math.round((expires_at_ms - systemClock.wallMs()) / 60_000)
  return [
    `For one device, as ${role}, within ${left} min. On that device:`,
    '',
    output.paint('bold', `  lumos-node join ${file === undefined ? code : `@${file}`}`),
    '',
    ...(left_out.length > 0
      ? [`The code has no room for these addresses of this device: ${left_out.join(', ')}`, '']
      : []),
    'Without a code, on one network: lumos-node join --nearby there, and lumos-node approve here.'
  ].join('\n')
}

/** In capitals a code takes less room, and means the same. */
async function printQr(code: string, asked: boolean, output: Output): Promise<void> {
  const { encode, renderANSI, renderUnicodeCompact } = await import('uqr')
  const text = code.toUpperCase()
  const { size } = encode(text, QR)
  // Two rows of the picture are one of the terminal, where it shows half blocks.
  const rows = output.utf8 ? Math.ceil(size / 2) : size
  const columns = output.utf8 ? size : size * 2
  if (!asked && !output.hasRoom(rows + QR_ROWS_BESIDE, columns)) return
  // A wide space of the library is no ASCII.
  const plain = () => renderANSI(text, QR).replaceAll('\u3000', '  ')
  output.picture(output.utf8 ? renderUnicodeCompact(text, QR) : plain())
}

/** Readers need a frame. */
const QR = { border: 2 } as const
/** What is printed below it. */
const QR_ROWS_BESIDE = 8

async function printUse(
  first: Promise<IteratorResult<unknown>>,
  { expires_at_ms }: SnakeCase<Invitation>,
  output: Output
): Promise<void> {
  using _interrupted = onInterrupt(output, 'The code is good for the rest of its ten minutes.')
  const expired = Promise.withResolvers<undefined>()
  const timer = setTimeout(
    () => expired.resolve(undefined),
    Math.max(0, expires_at_ms - systemClock.wallMs())
  )
  const used = ((await Promise.race([first, expired.promise]))?.value as { data: Used } | undefined)?.data
  clearTimeout(timer)
  if (used === undefined) output.note('The code has expired. No device has used it.')
  else if (output.json) output.line(JSON.stringify({ event: 'used', ...used }))
  else {
    output.line(
      `${used.name} has joined as ${used.role}. Its screen shows: ${output.paint('bold', used.phrase)}`
    )
    output.line(`If it shows anything else: lumos-node revoke ${used.peer_id}`)
  }
  // The watch would keep this process.
  process.exit()
}
