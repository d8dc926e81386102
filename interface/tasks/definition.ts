/** What a task is: all that a node, a peer or a program must know of it, in one value. */

import type * as z from 'zod'
import type { InferenceChunk } from '../chunks.ts'
import type { SnakeCase } from '../snake-case.ts'

export interface TaskDefinition<
  Name extends string = string,
  Input extends z.ZodType = z.ZodType,
  Params extends z.ZodObject = z.ZodObject,
  Output extends z.ZodType = z.ZodType
> {
  /** As Hugging Face names it, where it has a name there. */
  readonly name: Name
  readonly summary: string
  readonly input: Input
  readonly params: Params
  /** The whole answer. */
  readonly output: Output
  /** Present where an answer comes in pieces; absent where it is one `output`. */
  readonly pieces?: Pieces<z.output<Params>, z.output<Output>>
  /** Whether programs ask for it and people do not: a model's other task is meant when none is stated. */
  readonly raw?: true
  /** How an argument of a command line becomes an input. */
  readonly argument: Argument
  /** What a person is shown of an answer in JSON: a text, or the rows of a table. Absent: its one list of flat records, else JSON. */
  shown?(output: SnakeCase<z.output<Output>>): string | readonly Record<string, unknown>[]

  /** Tokens of context that a request with these parameters wants for its answer alone; absent where it does not say. */
  tokensMin?(params: z.output<Params>): number | undefined
  /** Bytes of an input: a large one gets a stream of its own. */
  sizeOf(input: z.output<Input>): number
  /** Whether the answer is one to this input, as far as its form tells. Absent: its schema says all. */
  fits?(output: z.output<Output>, input: z.output<Input>): boolean
  /** Whether two answers of different devices to one input say the same. Absent: see `agreement.ts`. */
  agrees?(one: z.output<Output>, other: z.output<Output>, params: z.output<Params>): boolean
  /** A fast twin of `input`: true only for values that the schema returns as they are. */
  isInput?(value: unknown): boolean
  /** A fast twin of `output`: true only for values that the schema returns as they are. */
  isOutput?(value: unknown): boolean
}

export interface Pieces<Params = unknown, Output = unknown> {
  /** Most pieces that an answer to a request with these parameters has: a token makes at most one. */
  max(params: Params): number
  /** Bytes of media in one answer. Absent: it has none. */
  readonly dataBytesMax?: number
  /** Of these, of one part. Absent: all of them. */
  readonly partBytesMax?: number
  /** Parts that an answer to a request with these parameters has at most. Absent: the form of a piece says all. */
  parts?(params: Params): number
  /** Puts the pieces of one answer together. */
  accumulate(): Accumulator<Output>
}

export interface Accumulator<Output = unknown> {
  add(chunk: InferenceChunk): void
  /** Asked for once the answer is done. */
  output(): Output
}

export type Argument =
  | { readonly from: 'text'; input(text: string): unknown }
  /** A file: its bytes, or these in base64. */
  | { readonly from: 'file'; input(bytes: string | Uint8Array): unknown }
  /** As many files as the input takes, in the same form. */
  | { readonly from: 'files'; input(files: readonly (string | Uint8Array)[]): unknown }
  | { readonly from: 'json' }

/** Keeps the types of a definition and checks them where it is written. */
export const defineTask = <
  const Name extends string,
  Input extends z.ZodType,
  Params extends z.ZodObject,
  Output extends z.ZodType
>(
  definition: TaskDefinition<Name, Input, Params, Output>
): TaskDefinition<Name, Input, Params, Output> => definition
