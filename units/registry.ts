/**
 * All units of a node by name, and the one place where their input is checked.
 *
 * HTTP, the command line, MCP and peers know only this: what they can do is what
 * `list` says, and a wrong input is refused here, before any unit sees it.
 * Units take and give values in the names of the code; what comes in and goes
 * out here is JSON, in snake_case.
 */

import { newAnswerId } from '../interface/answers.ts'
import { InvalidInputError, LumosError } from '../interface/errors.ts'
import type { RemoteUnits } from '../interface/remote.ts'
import { closestNames } from '../interface/suggest.ts'
import {
  type Caller,
  INPUT_BYTES_MAX,
  type Route,
  type Unit,
  type UnitContext,
  type UnitKind
} from '../interface/units.ts'
import { CallCounts } from './call-counts.ts'
import { describeUnit, type UnitDescription } from './description.ts'
import { checkForPeers } from './for-peers.ts'
import { checkInput } from './input.ts'
import { JsonNames } from './json-names.ts'

/** A unit, and how its values look in JSON, which its first call finds out: for all 300 units it takes 50 ms. */
class Entry {
  readonly unit: Unit
  #input: JsonNames | undefined
  #output: JsonNames | undefined
  #item: JsonNames | undefined

  constructor(unit: Unit) {
    this.unit = unit
  }

  get input(): JsonNames {
    this.#input ??= new JsonNames(this.unit.input)
    return this.#input
  }

  get output(): JsonNames {
    this.#output ??= new JsonNames(this.unit.output)
    return this.#output
  }

  get item(): JsonNames {
    this.#item ??= new JsonNames(this.unit.item ?? this.unit.output)
    return this.#item
  }
}

export class UnitRegistry {
  readonly #units = new Map<string, Entry>()
  #listed: readonly UnitDescription[] | undefined
  /** How calls have ended. */
  readonly calls = new CallCounts()
  #inputBytesMax = 0
  /** For an answer to a call, should it be kept. */
  readonly newAnswerId: () => string
  readonly #remote: RemoteUnits | undefined

  /** @param remote runs units on other devices; without it, each acts here. */
  constructor(newId: () => string = () => newAnswerId(), remote?: RemoteUnits) {
    this.newAnswerId = newId
    this.#remote = remote
  }

  register(unit: Unit): void {
    this.#listed = undefined
    this.#inputBytesMax = Math.max(this.#inputBytesMax, inputBytesMaxOf(unit))
    if (this.#units.has(unit.name)) throw new LumosError('INTERNAL', `Two units are named ${unit.name}.`)
    this.#units.set(unit.name, new Entry(unit))
  }

  /** Made once, for JSON Schemas take time: the same array until a unit is added. */
  list(): readonly UnitDescription[] {
    this.#listed ??= [...this.#units.values()].map(({ unit }) => describeUnit(unit))
    return this.#listed
  }

  /** No schema is made for them. */
  names(): string[] {
    return [...this.#units.keys()]
  }

  /** Of those that this caller may call. */
  namesFor(caller: Caller): string[] {
    return [...this.#units.values()].flatMap(({ unit }) => (mayCall(unit, caller) ? [unit.name] : []))
  }

  /** Of the longest input that any unit takes. */
  get inputBytesMax(): number {
    return this.#inputBytesMax
  }

  has(name: string): boolean {
    return this.#units.has(name)
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
   * Runs it here, or on the peer that the call names, where its input and the rights of this device are checked.
   *
   * @throws {LumosError} `DENIED` when its caller lacks the permission; {@link InvalidInputError} naming the
   *   fields that are wrong; what calling a peer throws.
   */
  async execute(name: string, input: unknown, context: UnitContext): Promise<unknown> {
    return this.prepare(name, input, context)()
  }

  /** The call, to be begun once. Throws as {@link execute} does, at once. */
  prepare(name: string, input: unknown, context: UnitContext): () => Promise<unknown> {
    const entry = this.#entry(name)
    const { unit } = entry
    checkCall(unit, context)
    context.signal?.throwIfAborted()
    const there = this.#placeOf(unit, context)
    if (there !== undefined) {
      return () => {
        context.onRoute?.(there)
        return this.#remote!.execute(there.peerId, { ...callOf(context), unit: name, input }, context)
      }
    }
    const checked = checkInput(unit, entry.input, input)
    const onPiece = context.onPiece && ((piece: unknown) => context.onPiece?.(entry.item.toJson(piece)))
    const inner = onPiece === undefined ? context : { ...context, onPiece }
    return () => this.calls.whole(name, async () => entry.output.toJson(await unit.run(checked, inner)))
  }

  /**
   * The answer in pieces; a unit that has only a whole one gives that as its single item.
   *
   * Throws as {@link execute} does, at once, before the first item is asked for.
   */
  stream(name: string, input: unknown, context: UnitContext): AsyncIterable<unknown> {
    const entry = this.#entry(name)
    const { unit } = entry
    checkCall(unit, context)
    const there = this.#placeOf(unit, context)
    if (there !== undefined) {
      context.onRoute?.(there)
      return this.#remote!.stream(there.peerId, { ...callOf(context), unit: name, input }, context)
    }
    const checked = checkInput(unit, entry.input, input)
    context.signal?.throwIfAborted()
    const items = unit.stream?.(checked, context) ?? inOnePiece(() => unit.run(checked, context))
    return this.calls.pieces(name, inJson(items, entry.item))
  }

  /** The other device that the call names. Units that take a peer find their way there themselves. */
  #placeOf({ name, takesPeer }: Unit, { peer, caller }: UnitContext): Route | undefined {
    if (takesPeer || peer === undefined) return undefined
    // The other device knows the role of this one, and not which units its caller may call.
    if (caller.units !== undefined && name.startsWith('resource.'))
      throw new LumosError('DENIED', 'A token for some units reads resources of its own device only.')
    if (this.#remote === undefined)
      throw new InvalidInputError('Units of other devices cannot be called here.')
    const place = this.#remote.find(peer)
    return place.route === 'local' ? undefined : place
  }

  #entry(name: string): Entry {
    const entry = this.#units.get(name)
    if (entry === undefined) throw this.#notFound(name)
    return entry
  }

  #notFound(name: string): LumosError {
    const closest = closestNames(name, this.#units.keys())
    return new LumosError('UNIT_NOT_FOUND', `There is no unit "${name.slice(0, 128)}".`, {
      hint: `${closest.length > 0 ? `Closest: ${closest.join(', ')}. ` : ''}All: lumos-node exec`,
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

export const inputBytesMaxOf = ({ inputBytesMax = INPUT_BYTES_MAX }: Unit): number => inputBytesMax

const callOf = ({ requestId, budgetMs, traceId }: UnitContext) => ({ requestId, budgetMs, traceId })

function checkCall(unit: Unit, { caller, peer, policy }: UnitContext): void {
  const { name, takesPeer } = unit
  checkPermission(unit, caller)
  if (caller.origin === 'peer') checkForPeers(unit, peer)
  if (!takesPeer && policy !== undefined)
    throw new InvalidInputError(`${name} acts on one device, and no policy chooses it.`)
}

/** The one place where permissions are checked. A caller has none but those that are listed. */
export function checkPermission(
  { name, permission }: Pick<Unit, 'name' | 'permission'>,
  { permissions, units, token }: Caller
): void {
  if (units !== undefined && !units.some(listed => isOf(name, listed))) {
    throw new LumosError('DENIED', `${name} is not among the units of the token ${token}.`, {
      hint: 'Another token can have it: lumos-node token create NAME --units …',
      details: { units }
    })
  }
  if (permissions.includes(permission)) return
  throw new LumosError('DENIED', `${name} needs the permission "${permission}", which its caller has not.`, {
    hint: `On the device: lumos-node exec ${name}`,
    details: { permission }
  })
}

/** Whether a caller may call a unit, wherever it runs. */
export const mayCall = (
  { name, permission }: Pick<Unit, 'name' | 'permission'>,
  { permissions, units }: Caller
): boolean =>
  permissions.includes(permission) && (units === undefined || units.some(listed => isOf(name, listed)))

/** @param listed a name, or a beginning such as `inference.*`. */
const isOf = (name: string, listed: string): boolean =>
  listed.endsWith('*') ? name.startsWith(listed.slice(0, -1)) : name === listed
