/**
 * What an engine is: an `Inference` with a life. It knows no peers, no
 * queue and no budget; the registry around it does.
 */

import { EngineFailedError } from '../../interface/errors.ts'
import type { Inference } from '../../interface/inference.ts'
import type { TaskName } from '../../interface/tasks/index.ts'

export interface Engine extends Inference {
  /** Whether `infer` can be called now. Turns false when the engine dies. */
  readonly loaded: boolean
  /** Resident memory of the engine's own process; 0 when it has none. In that process: of the programs that it started. */
  readonly memoryBytes: number
  /** Set by a caller that wants to know that the engine died on its own. */
  onLost?: () => void
  /** Set by a caller that wants to know that `memoryBytes` changed. */
  onMemory?: () => void

  /** Gets everything that `infer` needs. Not called while a load is under way. */
  load(): Promise<void>
  /** Ends what is under way and gives everything back. */
  close(): Promise<void>
  /** Whether each chunk is held to the form of an answer before `infer` gives it. Absent: the registry does that. */
  readonly checksAnswers?: true
  /**
   * Resolves once work that was given up has really ended, or is `undefined`
   * when there is none: a native run goes on for a while after its caller left.
   */
  settled?(): Promise<void> | undefined
}

/** An engine under the name by which peers ask for it. */
export interface Model {
  readonly id: string
  /** Other names of it. A model whose id is one of them goes before. */
  readonly aliases?: readonly string[]
  readonly tasks: readonly TaskName[]
  /** Requests the engine answers at once. */
  readonly slots: number
  readonly engine: Engine
  /** Tokens of a prompt and its answer together; absent where it has no such bound, or does not say. */
  readonly contextTokens?: number
  /** What it is asked leaves the mesh: it answers only those that name it, and by default only this device. */
  readonly leavesMesh?: boolean
  /** Its engine goes on with an answer that another one began: see `Resume`. `repeatable`: with a greedy or seeded one. */
  readonly resumes?: boolean | 'repeatable'
  /** Its conversations may hold pictures. */
  readonly takesImages?: boolean
  /** Of files on this device: their form, such as `onnx`, and how many bytes they are. */
  readonly format?: string
  readonly fileBytes?: number
  /** It ships with the node: no other device is offered it, and it is asked only where no device has one of its name. */
  readonly demonstration?: true
}

/** Blames the engine for a chunk that may not come; see `Answer`. */
export const engineBroke = (what: string): EngineFailedError => new EngineFailedError(`The engine ${what}.`)
