/** Signs what this device answers, where the request asks for it. */

import { createHash } from 'node:crypto'
import type { InferenceChunk } from '../../interface/chunks.ts'
import { toLumosError } from '../../interface/errors.ts'
import type { Inference, PreparedRequest, ServeOptions } from '../../interface/inference.ts'
import type { Logger } from '../../interface/lifecycle.ts'
import { type Receipt, receiptParam } from '../../interface/receipts.ts'
import { PieceDigest, RECEIPT, requestDigest } from '../../protocols/inference/index.ts'
import type { MeshContext } from '../feature.ts'

/** What serves a model here: the CID of its weights, or a digest of their hashes, and the kind of its engine. */
export interface MadeOf {
  readonly weights?: string | undefined
  readonly engine?: string | undefined
}

export interface SigningComponents {
  readonly log: Logger
  madeOf(model: string): MadeOf
}

type Mesh = Pick<MeshContext, 'meshId' | 'members' | 'clock' | 'seal'>

export class Signing {
  readonly #components: SigningComponents
  #mesh: Mesh | undefined

  constructor(components: SigningComponents) {
    this.#components = components
  }

  join(mesh: Mesh): void {
    this.#mesh = mesh
  }

  around(service: Inference): Inference {
    return {
      infer: (request, options) =>
        request.receipt === true ? this.#signed(service, request, options) : service.infer(request, options)
    }
  }

  async *#signed(
    service: Inference,
    request: PreparedRequest,
    options: ServeOptions | undefined
  ): AsyncGenerator<InferenceChunk> {
    const part = new Part(request)
    for await (const chunk of service.infer(request, options)) {
      if (chunk.type !== 'done') {
        part.add(chunk)
        yield chunk
        continue
      }
      const receipt = await this.#receipt(await part.of(chunk.finishReason))
      yield receipt === undefined ? chunk : { ...chunk, receipts: [receipt] }
    }
  }

  /** In base64. An answer is worth having without it. */
  async #receipt(said: Awaited<ReturnType<Part['of']>>): Promise<string | undefined> {
    const mesh = this.#mesh
    if (mesh === undefined) return undefined
    const { weights, engine } = this.#components.madeOf(said.model)
    try {
      const sealed = await mesh.seal(RECEIPT, {
        ...{ version: 1, mesh: mesh.meshId, certificates: [...mesh.members.own.chain] },
        ...said,
        ...{ weights, engine, atMs: Math.round(mesh.clock.wallMs()) }
      })
      return Buffer.from(sealed).toString('base64')
    } catch (thrown) {
      const { code, message } = toLumosError(thrown)
      this.#components.log.warn({ code, why: message }, 'an answer could not be signed')
      return undefined
    }
  }
}

/** What this device gives of one answer. */
class Part {
  readonly #request: PreparedRequest
  readonly #digest = new PieceDigest()
  readonly #text = createHash('sha256')
  #bytes = 0

  constructor(request: PreparedRequest) {
    this.#request = request
  }

  add(chunk: InferenceChunk): void {
    this.#digest.add(chunk)
    const text = chunk.type === 'text' || chunk.type === 'delta' ? (chunk.text ?? '') : ''
    this.#text.update(text)
    this.#bytes += Buffer.byteLength(text)
  }

  async of(
    finishReason: string
  ): Promise<Omit<Receipt, 'version' | 'mesh' | 'certificates' | 'weights' | 'engine' | 'atMs'>> {
    const { id: requestId, task, model = '', resume, params } = this.#request
    return {
      ...{ requestId, task, model, finishReason },
      params: smallOf(params),
      request: await requestDigest(this.#request),
      from: resume?.index ?? 0,
      ...(resume && { said: wordsOf(resume.text) }),
      ...{ pieces: this.#digest.count, sha256: this.#digest.value },
      text: { bytes: this.#bytes, sha256: this.#text.digest('hex') }
    }
  }
}

const wordsOf = (text: string) => ({
  bytes: Buffer.byteLength(text),
  sha256: createHash('sha256').update(text).digest('hex')
})

function smallOf(params: PreparedRequest['params']): Receipt['params'] {
  const small: Receipt['params'] = {}
  for (const [name, given] of Object.entries(params)) {
    const value = receiptParam(given)
    if (value !== undefined) small[name] = value
  }
  return small
}
