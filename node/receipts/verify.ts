/** Whether receipts count: their signers, and the request and answer that they are for. Asks no other device. */

import { LumosError, toLumosError } from '../../interface/errors.ts'
import type { Certificate } from '../../interface/membership.ts'
import type {
  Receipt,
  ReceiptGiven,
  ReceiptInfo,
  ReceiptProblem,
  ReceiptVerdict
} from '../../interface/receipts.ts'
import { openReceipt } from '../../protocols/inference/index.ts'
import { openCertificate } from '../../protocols/membership/index.ts'
import { type ChainContext, checkChain } from '../membership/index.ts'
import { problemOfAnswer, problemOfRequest } from './given.ts'

/** A receipt of later than this by the clock of the reader was dated by its device as it liked: clocks may be a day off. */
const AHEAD_MS_MAX = 2 * 24 * 3600 * 1000

export interface Trusted extends Pick<ChainContext, 'isRevoked'> {
  /** Id of the mesh, which is its root key. */
  readonly mesh: string
  readonly wallMs: number
}

interface Opened {
  readonly value: Receipt
  readonly signer: string
  readonly name: string | null
}

type Reason = ReceiptProblem['reason']

class Refused extends Error {
  readonly reason: Reason

  constructor(reason: Reason, message: string) {
    super(message)
    this.reason = reason
  }
}

/** @param receipts in base64, in the order of their parts. */
export async function verifyReceipts(
  receipts: readonly string[],
  given: ReceiptGiven,
  trusted: Trusted
): Promise<ReceiptVerdict> {
  const problems: ReceiptProblem[] = []
  const opened: Opened[] = []
  for (const [i, text] of receipts.entries()) {
    const note = (reason: Reason, message: string) => problems.push({ reason, receipt: i, message })
    const one = await read(text).catch((thrown: unknown) => {
      if (!(thrown instanceof Refused)) throw thrown
      note(thrown.reason, thrown.message)
      return undefined
    })
    if (one === undefined) continue
    const { certificates, ...rest } = one
    opened.push(rest)
    const refusal = refusalOf(one, certificates, trusted)
    if (refusal !== undefined) note(refusal.reason, refusal.message)
    const other = given.request && (await problemOfRequest(rest.value, given.request))
    if (other !== undefined) note('request', other)
  }
  const parts = opened.map(({ value }) => value)
  const about = (reason: Reason, message: string | undefined) => {
    if (message !== undefined) problems.push({ reason, receipt: null, message })
  }
  about('missing', gapIn(parts))
  about('receipt', strangerIn(parts))
  if (given.answer !== undefined) about('answer', problemOfAnswer(parts, given.answer))
  return {
    ok: problems.length === 0 && opened.length > 0,
    checked: { request: given.request !== undefined, answer: given.answer !== undefined },
    receipts: opened.map(infoOf),
    problems
  }
}

async function read(text: string): Promise<Opened & { readonly certificates: readonly Certificate[] }> {
  const { value, signer } = await openReceipt(Buffer.from(text, 'base64')).catch((thrown: unknown) => {
    const { code, message } = toLumosError(thrown)
    throw new Refused(code === 'CERTIFICATE_FORGED' ? 'signature' : 'receipt', message)
  })
  const certificates: Certificate[] = []
  for (const bytes of value.certificates) {
    const certificate = await openCertificate(bytes).catch((thrown: unknown) => {
      throw new Refused('membership', toLumosError(thrown).message)
    })
    certificates.push(certificate.value)
  }
  return { value, signer, name: certificates[0]?.name ?? null, certificates }
}

/** The signer, its right, and the time. */
function refusalOf(
  { value: { mesh, atMs }, signer }: Opened,
  certificates: readonly Certificate[],
  { mesh: ours, wallMs, isRevoked }: Trusted
): { reason: Reason; message: string } | undefined {
  if (mesh !== ours)
    return { reason: 'mesh', message: `The receipt is of the mesh ${mesh}, and not of ${ours}.` }
  const subject = certificates[0]?.subject
  if (subject !== signer)
    return { reason: 'signature', message: `${signer} signed with the certificate of ${subject}.` }
  if (atMs > wallMs + AHEAD_MS_MAX)
    return { reason: 'membership', message: 'The receipt is dated in the future.' }
  try {
    // A removed device could date a receipt back: what it signs does not count, whatever the date.
    checkChain(certificates, { mesh, subject: signer, wallMs: atMs, isRevoked })
    return undefined
  } catch (thrown) {
    if (!(thrown instanceof LumosError)) throw thrown
    return { reason: thrown.code === 'PEER_REVOKED' ? 'revoked' : 'membership', message: thrown.message }
  }
}

/** Pieces that no receipt is for, or that two are for. */
function gapIn(parts: readonly Receipt[]): string | undefined {
  let next = 0
  for (const { from, pieces } of parts) {
    if (from > next) return `Pieces ${next} to ${from - 1} of the answer have no receipt.`
    if (from < next) return `Piece ${from} of the answer has two receipts, or they are not in order.`
    next = from + pieces
  }
  return undefined
}

/** Receipts of different requests do not belong together. */
function strangerIn([first, ...others]: readonly Receipt[]): string | undefined {
  const stranger = others.find(
    ({ request, requestId }) => request !== first?.request || requestId !== first.requestId
  )
  return stranger && `The receipts are of different requests: ${first?.requestId} and ${stranger.requestId}.`
}

const infoOf = ({ value, signer, name }: Opened): ReceiptInfo => {
  const { requestId, task, model, weights = null, engine = null, params, from, pieces } = value
  const { finishReason, atMs } = value
  return {
    ...{ peerId: signer, name, requestId, task, model, weights, engine, params },
    ...{ from, pieces, finishReason, atMs }
  }
}
