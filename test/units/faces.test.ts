/** What all units promise to every face: names, schemas, and answers that keep to them. */

import assert from 'node:assert/strict'
import { afterAll, beforeAll, describe, it } from 'vitest'
import * as z from 'zod'
import type { LumosError } from '../../interface/errors.ts'
import { definitionOf, TASK_NAMES } from '../../interface/tasks/index.ts'
import { createUnits, type UnitRegistry } from '../../units/index.ts'
import { checkInput } from '../../units/input.ts'
import { JsonNames } from '../../units/json-names.ts'
import { memoryTokens } from '../gateway/memory-tokens.ts'
import { contextOf, OWNER } from './callers.ts'
import { wrongIn } from './json-schemas.ts'
import { startNode } from './started-node.ts'

const context = contextOf(OWNER)
const SNAKE_CASE = /^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/

let started: Awaited<ReturnType<typeof startNode>>
let units: UnitRegistry

beforeAll(async () => {
  started = await startNode()
  const gatewayUrl = () => 'http://127.0.0.1:1'
  units = createUnits({
    node: started.node,
    gatewayUrl,
    rotateToken: () => 2,
    tokens: memoryTokens().tokens,
    stop() {}
  })
})

afterAll(() => started[Symbol.asyncDispose]())

/** Every property that a JSON Schema names, at any depth. */
function* propertiesOf(schema: unknown): Generator<string> {
  if (Array.isArray(schema)) for (const inner of schema) yield* propertiesOf(inner)
  else if (schema instanceof Object) {
    for (const [keyword, inner] of Object.entries(schema)) {
      if (keyword === 'properties') {
        yield* Object.keys(inner)
        yield* propertiesOf(Object.values(inner))
      } else yield* propertiesOf(inner)
    }
  }
}

describe('the JSON of units', () => {
  it('has no name that is not snake_case, in inputs, outputs, items and events', () => {
    for (const { name, input, output, item, ...rest } of units.list()) {
      for (const property of propertiesOf([input, output, item])) {
        assert.match(property, SNAKE_CASE, `${name}: ${property}`)
      }
      for (const key of Object.keys(rest)) assert.match(key, SNAKE_CASE)
    }
  })

  it('has examples that are right, for each unit that takes something', () => {
    for (const { name, input, output, examples = [] } of units.list()) {
      const takes = [...propertiesOf(input)].length > 0
      assert.equal(examples.length > 0, takes, name)
      for (const example of examples) {
        assert.equal(wrongIn(input, example.input), undefined, `${name}: input`)
        const unit = units.get(name)
        assert.doesNotThrow(() => checkInput(unit, new JsonNames(unit.input), example.input), name)
        if (example.output !== undefined) assert.equal(wrongIn(output, example.output), undefined, name)
      }
    }
  })

  it('has answers whose names in JSON are told by its schemas', () => {
    for (const { name } of units.list()) {
      const { output, item = output } = units.get(name)
      for (const schema of [output, item]) assert.doesNotThrow(() => new JsonNames(schema), name)
    }
  })

  it('comes in pieces whose form is told, for each unit that streams', () => {
    for (const { name, streams, item } of units.list()) {
      assert.equal(item !== undefined, streams, name)
    }
  })

  it('carries the inputs of all tasks untouched, for they name no field in two words', () => {
    for (const task of TASK_NAMES) {
      const { input } = definitionOf(task)
      const names = [...propertiesOf(z.toJSONSchema(input, { io: 'input', unrepresentable: 'any' }))]
      assert.ok(names.length > 0)
      for (const name of names) assert.match(name, SNAKE_CASE)
    }
  })

  it('is refused in the names that fields had before, with the names they have now', async () => {
    const rejects = (name: string, input: unknown, field: string, hint: string) =>
      assert.rejects(units.execute(name, input, context), (err: LumosError) => {
        assert.equal(err.code, 'INVALID_INPUT')
        assert.ok(err.message.includes(`Unrecognized key: "${field}"`), err.message)
        assert.match(err.hint ?? '', new RegExp(`\\b${hint}\\b`))
        return true
      })
    await rejects('mesh.import_root', { rootKey: 'x' }, 'rootKey', 'root_key')
    await rejects('inference.classify', { image: '', topK: 1 }, 'topK', 'top_k')
    await rejects('model.get', { model: 'held' }, 'model', 'model_id')
    const params = { maxTokens: 1 }
    await rejects('inference.run', { task: 'text-generation', input: {}, params }, 'maxTokens', 'max_tokens')
    assert.equal(started.engine.lastRequest, undefined)
  })

  it('is checked with errors that point to the names that the caller wrote', async () => {
    const wrong = { task: 'text-generation', input: {}, params: { max_tokens: 0 } }
    await assert.rejects(units.execute('inference.run', wrong, context), (err: LumosError) => {
      assert.match(err.message, /params\.max_tokens: /)
      const [{ field }] = err.details.fields as [{ field: string }]
      assert.equal(field, 'params.max_tokens')
      return true
    })
  })
})
