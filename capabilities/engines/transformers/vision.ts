/** What transformers.js does with pictures, by task. Each picture is decoded here, within limits, and not by the library. */

import {
  AutoModel,
  AutoModelForImageClassification,
  AutoModelForObjectDetection,
  AutoModelForVision2Seq,
  AutoProcessor,
  AutoTokenizer,
  CLIPTextModelWithProjection,
  CLIPVisionModelWithProjection,
  InterruptableStoppingCriteria,
  type PreTrainedModel,
  type PreTrainedTokenizer,
  type Processor,
  RawImage,
  type Tensor
} from '@huggingface/transformers'
import { EngineFailedError, InvalidInputError } from '../../../interface/errors.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import { LABEL_CHARS_MAX } from '../../../interface/limits.ts'
import { clipTasks, pictureVectors, type Towers } from '../pictures/clip.ts'
import { certain, fromDetr, placed, suppressed, type Values } from '../pictures/detection.ts'
import { Gate } from '../pictures/gate.ts'
import { pixelsOf } from '../pictures/picture.ts'
import { mustBeNumbers, topLabels } from '../pictures/scores.ts'
import { rowsOf } from '../pictures/vectors.ts'
import { ControlText } from '../text/control-text.ts'
import { normalized } from '../vectors.ts'
import { inputsOf, textBatcher, tokenized, tokensIn } from './batches.ts'
import { spelled } from './control-tokens.ts'
import type { MediaSettings, Opener } from './media.ts'

/** A picture is made as wide as a model wants it, and as long as it then is: a line of a thousand pixels would fill memory. */
const SIDES_RATIO_MAX = 64
/** Decoded pictures held at once, from reading one until the model has run: with the library's copies, each may take a gigabyte. */
const held = new Gate(2)
/** Tokens of a description where neither the request nor the model says. */
const DESCRIPTION_TOKENS = 128

type Outputs = Readonly<Record<string, Tensor | undefined>>
export const VISION: Readonly<Record<string, Opener>> = {
  'image-classification': async (open, _, place) => {
    const model = await open(AutoModelForImageClassification, 'model')
    const see = seeing(await AutoProcessor.from_pretrained(place))
    const labels = labelsOf(model)
    return {
      'image-classification': async ({ image }, { topK }, options) => {
        const { logits } = await see(model, image, options)
        return { output: { labels: topLabels(valuesOf(logits).data, labels, topK) } }
      }
    }
  },
  'object-detection': async (open, _, place) => {
    const model = await open(AutoModelForObjectDetection, 'model')
    const see = seeing(await AutoProcessor.from_pretrained(place))
    const labels = labelsOf(model)
    return {
      'object-detection': async ({ image }, { threshold }, options) => {
        const { logits, pred_boxes, size } = await see(model, image, options)
        const [scores, boxes] = [valuesOf(logits), valuesOf(pred_boxes)]
        const found = certain(fromDetr(scores, boxes, labels.length, size), threshold)
        // A graph of this kind leaves out by itself what it has found twice.
        const objects = suppressed(found, 1).flatMap(({ label, score, box }) => {
          const inside = placed(box, size, { ...size, fit: 'fill' })
          if (inside === undefined) return []
          const [xmin, ymin, xmax, ymax] = inside
          return [{ label: labels[label]!, score, box: { xmin, ymin, xmax, ymax } }]
        })
        return { output: { objects } }
      }
    }
  },
  'image-feature-extraction': async (open, _, place) => {
    const model = await open(AutoModel, 'model')
    return pictureVectors({ picture: pictureTower(model, await AutoProcessor.from_pretrained(place)) })
  },
  'zero-shot-image-classification': async (open, settings, place) => {
    const vision = await open(CLIPVisionModelWithProjection, 'vision_model')
    const text = await open(CLIPTextModelWithProjection, 'text_model')
    const texts = await textTower(text, settings, place)
    const picture = pictureTower(vision, await AutoProcessor.from_pretrained(place))
    return clipTasks({ picture, texts }, settings.labels)
  },
  'image-to-text': async (open, _, place) => {
    const model = await open(AutoModelForVision2Seq, 'model')
    const tokenizer = await AutoTokenizer.from_pretrained(place)
    const processor = await AutoProcessor.from_pretrained(place)
    return {
      'image-to-text': async ({ image }, { maxTokens }, options) => {
        const { inputs } = await held.through(() => read(processor, image, options), options)
        return { output: { text: await described(model, tokenizer, inputs, maxTokens, options) } }
      }
    }
  }
}

interface Size {
  readonly width: number
  readonly height: number
}

/** A picture as the model wants it, and how large it is. */
interface Read {
  readonly inputs: object
  readonly size: Size
}

async function read(processor: Processor, image: Uint8Array, { signal }: AbortOptions): Promise<Read> {
  const { data, width, height } = await pixelsOf(image, { color: 'rgb', background: 'white', signal })
  if (Math.max(width, height) > SIDES_RATIO_MAX * Math.min(width, height)) {
    throw new InvalidInputError(
      `input.image is ${width} × ${height} pixels; one side may be ${SIDES_RATIO_MAX} times as long as the other.`
    )
  }
  return { inputs: await processor([new RawImage(data, width, height, 3)]), size: { width, height } }
}

function seeing(processor: Processor) {
  const see = async (model: PreTrainedModel, image: Uint8Array, options: AbortOptions) => {
    const { inputs, size } = await read(processor, image, options)
    // The last chance: a run cannot be interrupted.
    options.signal?.throwIfAborted()
    const outputs: Outputs = await model(inputs)
    return { ...outputs, size } as Outputs & { readonly size: Size }
  }
  return (model: PreTrainedModel, image: Uint8Array, options: AbortOptions) =>
    held.through(() => see(model, image, options), options)
}

export function pictureTower(model: PreTrainedModel, processor: Processor): Towers['picture'] {
  const see = seeing(processor)
  return async (image, options) => {
    const { image_embeds, pooler_output, last_hidden_state } = await see(model, image, options)
    const vectors = image_embeds ?? pooler_output
    if (vectors !== undefined) return rowsOf(vectors.to('float32'), 1)[0]!
    // The first place of such a model stands for the picture.
    const { data, dims } = valuesOf(last_hidden_state)
    if (dims.length !== 3) throw new EngineFailedError(`The graph answered [${dims}], and no vector.`)
    mustBeNumbers(data)
    return normalized(data.slice(0, dims[2]))
  }
}

async function textTower(
  model: PreTrainedModel,
  { contextTokens, batch }: MediaSettings,
  place: string
): Promise<NonNullable<Towers['texts']>> {
  const tokenizer = spelled(await AutoTokenizer.from_pretrained(place))
  const reader = { tokenizer, control: new ControlText(tokenizer.all_special_tokens), contextTokens, batch }
  const batcher = textBatcher(reader, async batch => {
    const { text_embeds }: Outputs = await model(inputsOf(batch, tokenizer.pad_token_id ?? 0))
    return rowsOf(text_embeds?.to('float32'), batch.length)
  })
  return async (texts, options) => {
    const all = await tokenized(
      reader,
      texts.map(text => [text] as const),
      options
    )
    return { vectors: await batcher.all(all, options), inputTokens: tokensIn(all) }
  }
}

async function described(
  model: PreTrainedModel,
  tokenizer: PreTrainedTokenizer,
  inputs: Read['inputs'],
  maxTokens: number | undefined,
  { signal }: AbortOptions
): Promise<string> {
  signal?.throwIfAborted()
  const stops = new InterruptableStoppingCriteria()
  const onAbort = () => stops.interrupt()
  signal?.addEventListener('abort', onAbort)
  try {
    const { max_new_tokens: own } = (model.generation_config ?? {}) as { max_new_tokens?: number | null }
    const tokens = await model.generate({
      inputs: (inputs as { pixel_values: Tensor }).pixel_values,
      max_new_tokens: maxTokens ?? own ?? DESCRIPTION_TOKENS,
      stopping_criteria: stops
    } as never)
    return tokenizer.batch_decode(tokens as Tensor, { skip_special_tokens: true })[0]!.trim()
  } finally {
    signal?.removeEventListener('abort', onAbort)
  }
}

/** What is longer than an answer may hold is cut. */
export function labelsOf({ config }: Pick<PreTrainedModel, 'config'>): string[] {
  const names: Record<string, string> = (config as { id2label?: Record<string, string> }).id2label ?? {}
  return Array.from({ length: Object.keys(names).length }, (_, at) =>
    String(names[at] ?? `label ${at}`)
      .slice(0, LABEL_CHARS_MAX)
      .toWellFormed()
  )
}

function valuesOf(tensor: Tensor | undefined): Values {
  if (tensor === undefined) throw new EngineFailedError('The graph does not give what its kind gives.')
  const { data, dims } = tensor.to('float32')
  return { data: data as Float32Array, dims }
}
