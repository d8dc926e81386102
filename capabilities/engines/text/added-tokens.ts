/** Control tokens count as they are spelled, and not where a text only looks like one once it was normalized. */

export interface TokenizerJson {
  readonly added_tokens: readonly { readonly special: boolean }[]
}

export const asSpelled = <T extends TokenizerJson>(json: T): T => ({
  ...json,
  added_tokens: json.added_tokens.map(token => (token.special ? { ...token, normalized: false } : token))
})
