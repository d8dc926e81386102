/** Units described for programs: in JSON, with their JSON Schemas (2020-12). */

import {
  INPUT_BYTES_MAX,
  type Permission,
  type Unit,
  type UnitExample,
  type UnitKind
} from '../interface/units.ts'
import { jsonSchemaOf } from './json-schema.ts'

export interface UnitDescription {
  readonly name: string
  readonly kind: UnitKind
  readonly summary: string
  /** What a caller must hold. */
  readonly permission: Permission
  /** Whether the same call may be sent again when its answer was lost. */
  readonly idempotent: boolean
  /** Whether a call may name the one peer that does the work. */
  readonly takes_peer: boolean
  /** Whether `stream` gives the answer in pieces. */
  readonly streams: boolean
  readonly input_bytes_max: number
  readonly input: object
  readonly output: object
  /** A piece of the answer, where it comes in pieces. */
  readonly item?: object
  readonly examples?: readonly UnitExample[]
}

export const describeUnit = (unit: Unit): UnitDescription => ({
  name: unit.name,
  kind: unit.kind,
  summary: unit.summary,
  permission: unit.permission,
  idempotent: unit.kind !== 'command' || unit.idempotent === true,
  takes_peer: unit.takesPeer === true,
  streams: unit.stream !== undefined,
  input_bytes_max: unit.inputBytesMax ?? INPUT_BYTES_MAX,
  input: jsonSchemaOf(unit.input),
  output: jsonSchemaOf(unit.output),
  item: unit.item && jsonSchemaOf(unit.item),
  examples: unit.examples
})
