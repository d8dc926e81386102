/**
 * All units of a node by name, and the one place where their input is checked.
 *
 * HTTP, CLI and later MCP and peers know only this: what they can do is what
 * `list` says, and a wrong input is refused here, before any unit sees it.
 * Units take and give values in the names of the code; what comes in and goes
 * out here is JSON, in snake_case.
 */

import { InvalidInputError, LumosError } from '../interface/errors.ts'
import { closestNames } from '../interface/suggest.ts'
import type { Unit, UnitContext, UnitKind } from '../interface/units.ts'
import { checkInput } from './input.ts'
import { JsonNames } from './json-names.ts'
import { jsonSchemaOf } from './json-schema.ts'

/** A unit, described for programs: schemas are JSON Schema 2020-12. */
export interface UnitDescription {
  readonly name: string
  readonly kind: UnitKind
  readonly summary: string
  /** The only door it may be called through; absent when any will do. */
  readonly door?: 'local'
  /** Whether a call may name the one peer that does the work. */
  readonly takes_peer: boolean
  /** Whether `stream` gives the answer in pieces. */
  readonly streams: boolean
  readonly input: object
  readonly output: object
  /** A piece of the answer, where it comes in pieces. */
  readonly item?: object
}

/** A unit, and how its values look in JSON. */
interface Entry {
  readonly unit: Unit
  readonly input: JsonNames
  readonly output: JsonNames
  readonly item: JsonNames
}

export class UnitRegistry {
  readonly #units = new Map<string, Entry>()

  register(unit: Unit): void {
    if (this.#units.has(unit.name)) throw new LumosError('INTERNAL', `Two units are named ${unit.name}.`)
    this.#units.set(unit.name, {
      unit,
      input: new JsonNames(unit.input),
      output: new JsonNames(unit.output),
      item: new JsonNames(unit.item ?? unit.output)
    })
  }

  list(): UnitDescription[] {
    return [...this.#units.values()].map(({ unit }) => ({
      name: unit.name,
      kind: unit.kind,
      summary: unit.summary,
      door: unit.door,
      takes_peer: unit.takesPeer === true,
      streams: unit.stream !== undefined,
      input: jsonSchemaOf(unit.input),
      output: jsonSchemaOf(unit.output),
      item: unit.item && jsonSchemaOf(unit.item)
    }))
  }

  /** @throws {LumosError} `UNIT_NOT_FOUND`, or `INVALID_INPUT` when the unit is of another kind. */
  get(name: string, kind?: UnitKind): Unit {
    const { unit } = this.#entry(name)
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
    const { unit, input: names, output } = this.#entry(name)
    checkContext(unit, context)
    context.signal?.throwIfAborted()
    return output.toJson(await unit.run(checkInput(unit, names, input), context))
  }

  /**
   * The answer in pieces; a unit that has only a whole one gives that as its single item.
   *
   * Throws as {@link execute} does, at once, before the first item is asked for.
   */
  stream(name: string, input: unknown, context: UnitContext): AsyncIterable<unknown> {
    const { unit, input: names, item } = this.#entry(name)
    checkContext(unit, context)
    const checked = checkInput(unit, names, input)
    context.signal?.throwIfAborted()
    return inJson(unit.stream?.(checked, context) ?? inOnePiece(() => unit.run(checked, context)), item)
  }

  #entry(name: string): Entry {
    const entry = this.#units.get(name)
    if (entry === undefined) throw this.#notFound(name)
    return entry
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

async function* inJson(items: AsyncIterable<unknown>, names: JsonNames): AsyncGenerator<unknown> {
  for await (const item of items) yield names.toJson(item)
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
