/**
 * The job `model.check`: reads every file of the models on this device, compares it with the hash that its description
 * states, and has the engine open each model.
 *
 * The checkpoint holds what was found so far with a mark of each file, so a file that changed meanwhile is read again.
 */

import * as z from 'zod'
import { type Catalogue, checkFile, checkOpens, filesOf } from '../../capabilities/index.ts'
import { LumosError } from '../../interface/errors.ts'
import { ModelId } from '../../interface/names.ts'
import { closestNames } from '../../interface/suggest.ts'
import { defineJobKind, type JobContext } from '../jobs/job-kind.ts'

/** About a second of reading: less is not worth a write to the disk. */
const SAVE_BYTES = 64 * 1024 * 1024
/** Findings in a checkpoint; older ones are found again after a restart. */
const FINDINGS_MAX = 1000
/** Of all findings in a checkpoint, as JSON: half of what a job may hold. A path alone may have 4,096 characters. */
const CHECKPOINT_CHARS_MAX = 512 * 1024
/** Of one model: the first ones tell what is wrong with it. */
const PROBLEMS_MAX = 8

const Input = z.strictObject({ model: ModelId.optional() })
/** What was found under a mark: null when all is well. */
const Finding = z.strictObject({ path: z.string(), mark: z.string(), problem: z.string().nullable() })
type Finding = z.infer<typeof Finding>
const Checkpoint = z.strictObject({ findings: z.array(Finding).max(FINDINGS_MAX) })

/** What the job says of one model. */
export interface CheckedModel {
  readonly model: string | null
  readonly place: string
  readonly files: number
  readonly bytes: number
  /** Files of which the description states no hash: they were read, and nothing more can be said. */
  readonly unverified: number
  /** None when all is well. */
  readonly problems: readonly string[]
}

type Models = Pick<Catalogue, 'found' | 'leftOut' | 'engineOf'>

/** @param isOpen whether this model's engine has it open already. */
export const modelCheck = (models: Models, isOpen: (model: string) => boolean) =>
  defineJobKind({
    name: 'model.check',
    input: Input,
    checkpoint: Checkpoint,
    runningMax: 1,
    summary: ({ model = 'all models of this device' }) => model,
    key: ({ model = '' }) => model,
    async run({ model }, context) {
      const found = models.found.filter(
        ({ id, aliases }) => model === undefined || id === model || aliases?.includes(model)
      )
      if (model !== undefined && found.length === 0) throw notFound(model, models)
      const checked = await new Check(models, isOpen, context).all(found)
      // What the catalogue refused was read there.
      const refused = model === undefined ? models.leftOut : models.leftOut.filter(one => one.model === model)
      return { models: [...checked, ...refused.map(refusedModel)] }
    }
  })

type Found = Models['found'][number]
type File = Awaited<ReturnType<typeof filesOf>>[number]

/** One run over the models. */
class Check {
  readonly #models: Models
  readonly #isOpen: (model: string) => boolean
  readonly #context: JobContext<z.output<typeof Checkpoint>>
  readonly #findings: Map<string, Finding>
  #unsavedBytes = 0
  #done = 0
  #total = 0

  constructor(
    models: Models,
    isOpen: (model: string) => boolean,
    context: JobContext<z.output<typeof Checkpoint>>
  ) {
    this.#models = models
    this.#isOpen = isOpen
    this.#context = context
    this.#findings = new Map(context.checkpoint?.findings.map(finding => [finding.path, finding]))
  }

  async all(found: readonly Found[]): Promise<CheckedModel[]> {
    const files = await Promise.all(found.map(filesOf))
    this.#total = files.flat().reduce((sum, { bytes }) => sum + bytes, 0)
    const checked: CheckedModel[] = []
    for (const [n, model] of found.entries()) checked.push(await this.#model(model, files[n]!))
    return checked
  }

  async #model(found: Found, files: readonly File[]): Promise<CheckedModel> {
    const model = found.id
    const problems: string[] = []
    for (const file of files) {
      const problem = await this.#file(model, file)
      if (problem !== null) problems.push(problem)
    }
    if (problems.length === 0) {
      const problem = await this.#opens(found, files.map(({ mark }) => mark).join(' '))
      if (problem !== null) problems.push(problem)
    }
    return {
      model,
      place: found.folder,
      files: files.length,
      bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
      unverified: files.filter(({ stated }) => stated === undefined).length,
      problems: problems.slice(0, PROBLEMS_MAX)
    }
  }

  async #file(model: string, file: File): Promise<string | null> {
    const { signal } = this.#context
    const doneBefore = this.#done
    this.#report(model)
    const problem = await this.#once(file.path, `${file.mark} ${file.stated}`, async () => {
      this.#unsavedBytes += file.bytes
      return await checkFile(file, {
        signal,
        onBytes: bytes => {
          this.#done += bytes
          this.#report(model)
        }
      })
    })
    this.#done = doneBefore + file.bytes
    this.#report(model)
    if (this.#unsavedBytes >= SAVE_BYTES) this.#save()
    return problem
  }

  async #opens(found: Found, mark: string): Promise<string | null> {
    const { signal } = this.#context
    if (this.#isOpen(found.id)) return null
    const problem = await this.#once(found.folder, mark, () =>
      checkOpens(this.#models.engineOf(found), { signal })
    )
    this.#save()
    return problem
  }

  /** What `look` finds, or what an earlier run found in the same place under the same mark. */
  async #once(path: string, mark: string, look: () => Promise<string | undefined>): Promise<string | null> {
    const known = this.#findings.get(path)
    if (known?.mark === mark) return known.problem
    const problem = (await look()) ?? null
    this.#findings.delete(path)
    this.#findings.set(path, { path, mark, problem })
    return problem
  }

  #save(): void {
    this.#unsavedBytes = 0
    this.#context.save({ findings: lastOf([...this.#findings.values()]) })
  }

  #report(model: string): void {
    this.#context.progress({ done: this.#done, total: this.#total, unit: 'bytes', message: `reads ${model}` })
  }
}

/** The last findings, as far as a checkpoint holds them. */
export function lastOf(findings: readonly Finding[]): Finding[] {
  let chars = 0
  const from = findings.findLastIndex((finding, place) => {
    chars += JSON.stringify(finding).length + 1
    return chars > CHECKPOINT_CHARS_MAX || findings.length - place > FINDINGS_MAX
  })
  return findings.slice(from + 1)
}

const refusedModel = ({ model, place, reason }: Models['leftOut'][number]): CheckedModel => ({
  model,
  place,
  files: 0,
  bytes: 0,
  unverified: 0,
  problems: [reason]
})

function notFound(model: string, { found }: Models): LumosError {
  const closest = closestNames(
    model,
    found.map(({ id }) => id)
  )
  return new LumosError('MODEL_NOT_FOUND', `No folder of models on this device has "${model}".`, {
    hint: closest.length > 0 ? `Closest: ${closest.join(', ')}.` : 'See what it has: lumos-node models',
    details: { closest }
  })
}
