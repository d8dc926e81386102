/**
 * An answer that another engine began, gone on with by a server: it is given the beginning, where it can write on from there.
 * Else it writes the whole answer again, where that comes out the same, and what was said is left out.
 */

import type { InferenceChunk, Usage } from '../../../interface/chunks.ts'
import type { PreparedRequest } from '../../../interface/inference.ts'
import { isRecord } from '../../../interface/record.ts'
import { isRepeatable, type Resume } from '../../../interface/resume.ts'
import type { TaskInput, TaskParams } from '../../../interface/tasks/index.ts'
import { continuedChunk } from '../text/said-tokens.ts'
import { cannotGoOn, Unsaid } from '../text/unsaid.ts'
import { callJson, type ModelServer } from './http.ts'
import { generationBody } from './request.ts'

/**
 * How a server writes on from a text. `template`: it says what its model reads for some messages, and the text follows
 * (llama.cpp). `last-message`: the last message is the assistant's, and is not ended (Ollama); `told`: so, where it is told to (vLLM).
 */
export type WritesOn = 'template' | 'last-message' | 'told'

interface GoingOn {
  readonly path: string
  readonly body: object
  /** Pieces that were said and do not come again. */
  readonly saidIndex: number
  /** Of the chunks that the server makes of that, those that follow what was said. */
  rest(chunks: AsyncIterable<InferenceChunk>): AsyncIterable<InferenceChunk>
}

type Params = TaskParams<'text-generation'>

/**
 * Without log-probabilities: a server has none of what was said.
 *
 * @throws {InvalidInputError} where this server cannot go on with this answer.
 */
export async function goingOn(
  asked: PreparedRequest & { readonly resume: Resume },
  { server, model, writesOn }: { server: ModelServer; model: string; writesOn?: WritesOn | undefined },
  signal: AbortSignal
): Promise<GoingOn> {
  const { input, resume } = asked
  const { logprobs: _, ...params } = asked.params as Params
  const request = { ...asked, params }
  if (writesOn !== undefined && isPlain(resume, params)) {
    const most = params.maxTokens === undefined ? undefined : params.maxTokens - resume.index
    const { path, body } = generationBody(request, model)
    const rest = { ...body, ...(most !== undefined && { max_tokens: most }) }
    const prompt = await promptOf(server, writesOn, input as TaskInput<'text-generation'>, body, signal)
    if (prompt !== undefined)
      return {
        path: '/v1/completions',
        saidIndex: resume.index,
        body: { ...rest, messages: undefined, prompt: prompt + resume.text },
        rest: chunks => following(chunks, resume, '')
      }
    if ('messages' in rest && writesOn !== 'template') {
      // A template may trim a message, and the model then writes the space again.
      const begun = resume.text.trimEnd()
      const messages = [...(rest.messages as object[]), { role: 'assistant', content: begun }]
      const told = writesOn === 'told' && { continue_final_message: true, add_generation_prompt: false }
      return {
        path,
        saidIndex: resume.index,
        body: { ...rest, messages, ...told },
        rest: chunks => following(chunks, resume, resume.text.slice(begun.length))
      }
    }
  }
  if (!isRepeatable(params))
    throw cannotGoOn(`${server.name} cannot write on from its beginning, and would not write it again`)
  return { ...generationBody(request, model), saidIndex: 0, rest: chunks => repeated(chunks, resume) }
}

/** Text alone, under no schema, with room for more, and no stop sequence that may have begun in it. */
const isPlain = ({ text, reasoning, toolCalls, index }: Resume, params: Params): boolean =>
  text !== '' &&
  reasoning === undefined &&
  toolCalls === undefined &&
  (params.tools ?? []).length === 0 &&
  (params.responseFormat ?? { type: 'text' }).type === 'text' &&
  (params.maxTokens ?? Number.POSITIVE_INFINITY) > index &&
  (params.stop ?? []).every(stop => !endsInBeginningOf(text, stop))

const endsInBeginningOf = (text: string, stop: string): boolean => {
  for (let length = 1; length < stop.length; length++) if (text.endsWith(stop.slice(0, length))) return true
  return false
}

/** What the model reads before its answer, where that is known. Ollama puts a prompt into a template, too. */
async function promptOf(
  server: ModelServer,
  writesOn: WritesOn,
  { prompt }: TaskInput<'text-generation'>,
  asked: object,
  signal: AbortSignal
): Promise<string | undefined> {
  if (prompt !== undefined) return writesOn === 'last-message' ? undefined : prompt
  if (writesOn !== 'template' || !('messages' in asked)) return undefined
  const body = { messages: asked.messages }
  const answer = await callJson(server, '/apply-template', { signal, body }).catch(() => undefined)
  return isRecord(answer) && typeof answer.prompt === 'string' ? answer.prompt : undefined
}

/** @param again what was said, and may be said once more. */
async function* following(
  chunks: AsyncIterable<InferenceChunk>,
  resume: Resume,
  again: string
): AsyncGenerator<InferenceChunk> {
  const { index: from } = resume
  let index = from
  let rest = again
  yield continuedChunk(resume, false)
  for await (const chunk of chunks) {
    if (chunk.type === 'text' && rest !== '') {
      const { text } = chunk
      const isAgain = text.startsWith(rest) || rest.startsWith(text)
      const left = isAgain ? text.slice(rest.length) : text
      rest = isAgain ? rest.slice(text.length) : ''
      if (left !== '') yield { ...chunk, index: index++, text: left }
    } else if (chunk.type === 'done') yield { ...chunk, index, usage: wholeUsage(chunk.usage, from) }
    else yield { ...chunk, index: index++ }
  }
}

/** What was said counts as answer, and not as what was asked. Such a server writes a token in a piece. */
const wholeUsage = ({ inputTokens, outputTokens }: Usage, from: number): Usage => ({
  ...(inputTokens !== undefined && { inputTokens: Math.max(0, inputTokens - from) }),
  ...(outputTokens !== undefined && { outputTokens: outputTokens + from })
})

async function* repeated(
  chunks: AsyncIterable<InferenceChunk>,
  resume: Resume
): AsyncGenerator<InferenceChunk> {
  const unsaid = new Unsaid(resume)
  let isNew = false
  for await (const chunk of chunks) {
    if (chunk.type === 'done' && !unsaid.isSaid)
      throw cannotGoOn('it ends the answer before what was said of it')
    const given =
      chunk.type === 'text'
        ? unsaid.rest({ ...chunk, type: 'delta' })
        : chunk.type === 'delta'
          ? unsaid.rest(chunk)
          : chunk.type === 'done'
            ? { ...chunk, index: unsaid.index }
            : undefined
    if (given === undefined) continue
    if (!isNew) yield continuedChunk(resume, true)
    isNew = true
    yield given
  }
}
