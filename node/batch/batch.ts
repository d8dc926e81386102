/** Begins batches, and does them as jobs of the node: `inference.batch`. */

import type { Batch, BatchWanted } from '../../interface/batch.ts'
import { LumosError } from '../../interface/errors.ts'
import type { JobInfo } from '../../interface/jobs.ts'
import type { Feature, FeatureComponents, MeshContext, Participation } from '../feature.ts'
import type { JobKind } from '../jobs/job-kind.ts'
import { batchJob } from './batch-job.ts'
import { leftMesh } from './left-mesh.ts'
import { questionOf } from './question.ts'
import type { BatchRun } from './run.ts'

export class BatchFeature implements Feature<Batch>, Batch {
  readonly name = 'batch'
  readonly facet = this
  readonly jobs: readonly JobKind[]
  readonly #components: FeatureComponents
  readonly #runs = new Set<BatchRun>()
  #mesh: MeshContext | undefined

  constructor(components: FeatureComponents) {
    this.#components = components
    this.jobs = [batchJob(components, () => this.#context(), this.#runs)]
  }

  join(mesh: MeshContext): Participation {
    const isAnother = this.#mesh !== undefined && this.#mesh.meshId !== mesh.meshId
    this.#mesh = mesh
    // Its inputs were for the devices of that mesh.
    if (isAnother) for (const run of this.#runs) run.fail(leftMesh())
    return {
      refuse: () => {
        for (const run of this.#runs) run.hold()
      }
    }
  }

  begin(wanted: BatchWanted): JobInfo {
    const mesh = this.#context()
    const question = questionOf(wanted, mesh, this.#components.registry)
    const { inputs, out, budgetMs, verify } = wanted
    return this.#components.begin('inference.batch', {
      ...{ mesh: mesh.meshId, ...question, inputs: [...inputs], out },
      ...(budgetMs !== undefined && { budgetMs }),
      ...(verify !== undefined && { verify })
    })
  }

  #context(): MeshContext {
    if (this.#mesh !== undefined) return this.#mesh
    throw new LumosError('NODE_NOT_RUNNING', 'This node is in no mesh yet.')
  }
}
