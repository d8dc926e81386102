/** A tokenizer that takes control tokens as they are spelled only. */

import type { PreTrainedTokenizer } from '@huggingface/transformers'
import { asSpelled, type TokenizerJson } from '../text/added-tokens.ts'

/** What the library keeps of its files. */
interface Sources {
  readonly _tokenizerJSON: TokenizerJson
  readonly _tokenizerConfig: object
}

export function spelled(tokenizer: PreTrainedTokenizer): PreTrainedTokenizer {
  const { _tokenizerJSON: json, _tokenizerConfig: config } = tokenizer as unknown as Sources
  const Tokenizer = tokenizer.constructor as new (json: object, config: object) => PreTrainedTokenizer
  return new Tokenizer(asSpelled(json), config)
}
