/** How a path is written, and which paths an adopted port answers. Checks before the routes and the routes read the same. */

import type { Adoptable } from '../interface/adoption.ts'

/**
 * What the router reads in another way than it is written: dot segments, letters and digits that are escaped, and
 * characters that the parser of URLs turns around or leaves out. `%2F` in the id of a model stays.
 */
const OTHER_READING =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the parser of URLs leaves a tab out.
  /[\\#\x00-\x20\x7f]|\/\.{1,2}(?:\/|$)|%(?:2[de]|3[0-9]|[46][1-9a-f]|[57][0-9a]|5f)/i

/** What each port answers: its own protocol, and that of OpenAI. */
const ADOPTED_PATHS: Readonly<Record<Adoptable, RegExp>> = {
  ollama: /^\/(?:$|v1\/|api\/(?!v\d+(?:\/|$)))/,
  lmstudio: /^\/(?:v1\/|api\/v0\/)/
}

/** The path of a request line, as it is written. */
export const pathOf = ({ url = '' }: { readonly url?: string | undefined }): string => url.split('?', 1)[0]!

/** Whether the router reads this path as it is written. */
export const isPlain = (path: string): boolean => !OTHER_READING.test(path)

/** Whether the port of this product answers the path. */
export const isAdopted = (product: Adoptable, path: string): boolean => ADOPTED_PATHS[product].test(path)

/** The routes of OpenAI's protocol, for words about a wrong method or a wrong base. */
const OPENAI_PATHS =
  /^\/v1\/(?:audio\/(?:speech|transcriptions|translations)|images\/generations|chat\/completions|completions|embeddings|rerank|responses(?:\/[^/]+(?:\/cancel)?)?|models(?:\/.*)?)$/

export const isOpenaiPath = (path: string): boolean => OPENAI_PATHS.test(path)
