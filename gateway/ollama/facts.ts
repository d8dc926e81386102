/** What Ollama says of a model, as far as a mesh knows it; what is not known is empty, as Ollama has it. */

import { createHash } from 'node:crypto'
import { baseOf, capabilitiesOf, contextOfModel, detailsOf, type Known } from '../asking/known-models.ts'

/** What Go's clients print as `Never`: the mesh does not know when a model was made, nor when it is unloaded. */
const NEVER = '0001-01-01T00:00:00Z'

/** Of the name: Ollama's clients tell models apart by it, and cut it to twelve characters. */
export const digestOf = (id: string): string => createHash('sha256').update(id).digest('hex')

const sizeOf = ({ items }: Known): number => items.find(({ size }) => size !== null)?.size ?? 0

export const tagOf = (known: Known) => ({
  ...{ name: known.id, model: known.id, modified_at: NEVER },
  ...{ size: sizeOf(known), digest: digestOf(known.id), details: detailsOf(known) }
})

/** A model in memory. What it takes on another device is not known, nor what of it lies on an accelerator. */
export function runningOf(known: Known) {
  const providers = known.items.flatMap(item => item.providers)
  const memory = providers.find(({ state, memory_bytes }) => state === 'ready' && memory_bytes !== null)
  return {
    ...{
      name: known.id,
      model: known.id,
      size: Math.ceil(memory?.memory_bytes ?? 0),
      digest: digestOf(known.id)
    },
    ...{
      details: detailsOf(known),
      expires_at: NEVER,
      size_vram: 0,
      context_length: contextOfModel(known) ?? 0
    }
  }
}

export function shownOf(known: Known) {
  const details = detailsOf(known)
  const { family, parameter_size: parameters } = details
  const architecture = family === '' ? 'unknown' : family
  const context = contextOfModel(known)
  return {
    ...{
      license: '',
      modelfile: `FROM ${known.id}\n`,
      parameters: '',
      template: '{{ .Prompt }}',
      system: ''
    },
    details,
    model_info: {
      'general.architecture': architecture,
      'general.basename': baseOf(known.id),
      ...(parameters !== '' && { 'general.size_label': parameters }),
      ...(context !== undefined && { [`${architecture}.context_length`]: context })
    },
    capabilities: capabilitiesOf(known),
    modified_at: NEVER
  }
}
