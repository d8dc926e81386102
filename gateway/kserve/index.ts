/** `/v2`: the Open Inference Protocol (KServe v2) over the task `tensor`, for programs that ask Triton and its like. */

import { type Context, Hono } from 'hono'
import { TENSOR_BYTES_MAX } from '../../interface/limits.ts'
import { type Tensor, tensor } from '../../interface/tasks/tensor.ts'
import { VERSION } from '../../node/version.ts'
import type { AppEnv } from '../app-env.ts'
import { modelCalled } from '../asking/aliases.ts'
import { type AskComponents, answerWhole, headersOf, unitContext } from '../asking/call.ts'
import { listModels, modelNotFound, rightModel } from '../asking/model-name.ts'
import { RefusedError } from '../asking/refused.ts'
import { bodyOf, bytesOf, jsonOf, wantedTensors } from './answer.ts'
import { kserveRefusal } from './errors.ts'

const UNIT = 'inference.run'
/** The mesh has one version of each model. */
const VERSIONS = ['1']
const HEAD_LENGTH = 'inference-header-content-length'
/** JSON of numbers takes several times their bytes: more than that comes as bytes. */
const JSON_BYTES_MAX = 16 * 1024 * 1024
const HEAD_BYTES_MAX = 64 * 1024

const MODEL_PATH = /^\/v2\/models\/(.+?)(?:\/versions\/([^/]+))?(?:\/(ready|infer))?$/

export function kserveRoutes(components: AskComponents): Hono<AppEnv> {
  const routes = new Hono<AppEnv>()
  routes.get('/', c =>
    answerWhole(c, { name: 'lumos-node', version: VERSION, extensions: ['binary_tensor_data'] })
  )
  routes.get('/health/live', c => answerWhole(c, { live: true }))
  routes.get('/health/ready', c => answerWhole(c, { ready: true }))
  routes.on(['GET', 'POST'], '/models/*', async c => {
    const { name, act } = namedIn(c, components)
    if (c.req.method === 'POST' && act === 'infer') return infer(components, c, name)
    if (c.req.method !== 'GET' || act === 'infer') throw notThere(c, 405)
    const models = await listModels(components, c)
    const found = models.find(({ id, types }) => id === name && types.includes(tensor.name))
    if (found === undefined) throw modelNotFound(name, models)
    if (act === 'ready') return answerWhole(c, { name, ready: true })
    return answerWhole(c, { name, versions: VERSIONS, platform: 'lumos-node', inputs: [], outputs: [] })
  })
  routes.all('*', c => {
    throw notThere(c, 404)
  })
  routes.onError((err, c) => {
    const { status, headers, body } = kserveRefusal(err, c.var.call)
    if (status === 500) components.log.error({ err, unit: c.var.call.unit }, 'a request of /v2 failed')
    return new Response(body, { status, headers })
  })
  return routes
}

async function infer(components: AskComponents, c: Context<AppEnv>, model: string): Promise<Response> {
  const { units, bodies } = components
  const stated = c.req.header(HEAD_LENGTH)
  const headBytes = stated === undefined ? undefined : lengthOf(stated)
  const bytesMax = headBytes === undefined ? JSON_BYTES_MAX : TENSOR_BYTES_MAX + HEAD_BYTES_MAX
  const question = await bodies.readTensors(c.env, bytesMax, headBytes)
  const asked = { task: tensor.name, model, input: { tensors: question.tensors } }

  return rightModel(components, c, { model, task: tensor.name }, async () => {
    const { output } = (await units.execute(UNIT, asked, unitContext(c, UNIT))) as {
      output: { tensors: Record<string, Tensor> }
    }
    const outputs = wantedTensors(output.tensors, question)
    const head = {
      model_name: model,
      model_version: '1',
      ...(question.id !== undefined && { id: question.id })
    }
    const bytes = outputs.filter(({ binary }) => binary).map(({ tensor: { data } }) => data)
    const body = bodyOf(jsonOf(head, outputs), bytes)
    if (bytes.length === 0) return new Response(body, { headers: headersOf(c, 'application/json') })
    const headers = {
      ...headersOf(c, 'application/octet-stream'),
      [HEAD_LENGTH]: String(await bytesOf(jsonOf(head, outputs)))
    }
    return new Response(body, { headers })
  })
}

/** @throws {RefusedError} */
function lengthOf(text: string): number {
  if (/^\d{1,8}$/.test(text) && Number(text) <= HEAD_BYTES_MAX) return Number(text)
  throw new RefusedError(
    `Inference-Header-Content-Length must be a whole number up to ${HEAD_BYTES_MAX}.`,
    {}
  )
}

/** An id holds `/` and `:`, written as they are or escaped. */
function namedIn(c: Context<AppEnv>, { aliases }: AskComponents): { name: string; act: string | undefined } {
  const [, escaped, version, act] = MODEL_PATH.exec(c.req.path) ?? []
  if (escaped === undefined) throw notThere(c, 404)
  if (version !== undefined && !VERSIONS.includes(version))
    throw new RefusedError(`There is no version ${version.slice(0, 64)} of this model. It has: 1.`, {
      status: 404
    })
  return { name: modelCalled(unescaped(escaped), aliases), act }
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const notThere = ({ req }: Context<AppEnv>, status: number) =>
  new RefusedError(`There is no ${req.method} ${req.path.slice(0, 128)}.`, { status })
