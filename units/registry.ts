/**
 * All units of a node by name, and the one place where their input is checked.
 *
 * HTTP, CLI and later MCP and peers know only this: what they can do is what
 * `list` says, and a wrong input is refused here, before any unit sees it.
 */

import * as z from 'zod'
import { InvalidInputError, LumosError } from '../interface/errors.ts'
import { closestNames } from '../interface/suggest.ts'
import type { Unit, UnitContext, UnitKind } from '../interface/units.ts'

/** A unit, described for programs: schemas are JSON Schema 2020-12. */
export interface UnitDescription {
  readonly name: string
  readonly kind: UnitKind
  readonly summary: string
  /** The only door it may be called through; absent when any will do. */
  readonly door?: 'local'
  /** Whether a call may name the one peer that does the work. */
  readonly takesPeer: boolean
  /** Whether `stream` gives the answer in pieces. */
  readonly streams: boolean
  readonly input: object
  readonly output: object
}

export class UnitRegistry {
  readonly #units = new Map<string, Unit>()

  register(unit: Unit): void {
    if (this.#units.has(unit.name)) throw new LumosError('INTERNAL', `Two units are named ${unit.name}.`)
    this.#units.set(unit.name, unit)
  }

  list(): UnitDescription[] {
    return [...this.#units.values()].map(unit => ({
      name: unit.name,
      kind: unit.kind,
      summary: unit.summary,
      door: unit.door,
      takesPeer: unit.takesPeer === true,
      streams: unit.stream !== undefined,
      input: jsonSchemaOf(unit.input),
      output: jsonSchemaOf(unit.output)
    }))
  }

  /** @throws {LumosError} `UNIT_NOT_FOUND`, or `INVALID_INPUT` when the unit is of another kind. */
  get(name: string, kind?: UnitKind): Unit {
    const unit = this.#units.get(name)
    if (unit === undefined) throw this.#notFound(name)
    if (kind !== undefined && kind !== unit.kind) {
      throw new InvalidInputError(`${name} is a ${unit.kind}, not a ${kind}.`)
    }
    return unit
  }

  /**
   * @throws {InvalidInputError} naming the fields that are wrong, or when a peer is named to a unit that takes
   *   none; {LumosError} `DENIED` when the unit is for another door.
   */
  async execute(name: string, input: unknown, context: UnitContext): Promise<unknown> {
    const unit = this.get(name)
    checkContext(unit, context)
    context.signal?.throwIfAborted()
    return unit.run(checkInput(unit, input), context)
  }

  /**
   * The answer in pieces; a unit that has only a whole one gives that as its single item.
   *
   * Throws as {@link execute} does, at once, before the first item is asked for.
   */
  stream(name: string, input: unknown, context: UnitContext): AsyncIterable<unknown> {
    const unit = this.get(name)
    checkContext(unit, context)
    const checked = checkInput(unit, input)
    context.signal?.throwIfAborted()
    return unit.stream?.(checked, context) ?? inOnePiece(() => unit.run(checked, context))
  }

  #notFound(name: string): LumosError {
    const closest = closestNames(name, this.#units.keys())
    return new LumosError('UNIT_NOT_FOUND', `There is no unit "${name.slice(0, 128)}".`, {
      hint: closest.length > 0 ? `Closest: ${closest.join(', ')}.` : 'GET /api/v2/units lists them all.',
      details: { closest }
    })
  }
}

async function* inOnePiece(run: () => Promise<unknown>): AsyncGenerator<unknown> {
  yield await run()
}

/** Bytes, the only thing here that JSON has no word for, are described as the base64 they travel in. */
function jsonSchemaOf(schema: z.ZodType): object {
  return z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    override({ zodSchema, jsonSchema }) {
      if (zodSchema._zod.def.type !== 'custom') return
      jsonSchema.type = 'string'
      jsonSchema.contentEncoding = 'base64'
    }
  })
}

function checkContext({ name, door, takesPeer }: Unit, context: UnitContext): void {
  if (context.peer !== undefined && !takesPeer) {
    throw new InvalidInputError(`${name} acts on this node only and takes no peer.`, {
      hint: 'Leave the peer out, or run it on that device.'
    })
  }
  if (door === undefined || door === context.door) return
  throw new LumosError('DENIED', `${name} can only be called on the device itself, over its socket.`, {
    hint: `On the device: lumos-node exec ${name}`,
    details: { door }
  })
}

function checkInput(unit: Unit, input: unknown): unknown {
  const checked = unit.input.safeParse(input)
  if (checked.success) return checked.data

  const fields = checked.error.issues.map(({ path, message }) => ({ field: path.join('.'), message }))
  const words = fields.map(({ field, message }) => (field === '' ? message : `${field}: ${message}`))
  throw new InvalidInputError(`${unit.name}: ${words.join('; ')}`, { details: { fields } })
}
