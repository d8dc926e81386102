/** Where models come from, as the settings say. Part of the section `weights`. */

import { readFile } from 'node:fs/promises'
import * as z from 'zod'
import { LumosError } from '../../../interface/errors.ts'
import type { Environment } from '../../../storage/home/home-path.ts'
import { Path } from '../../settings/values.ts'

const HubUrl = z
  .url({ protocol: /^https?$/, error: 'expected an address such as https://hub.example' })
  .max(2048)
  .transform(url => url.replace(/\/+$/, ''))
const TokenFile = Path.nullable().default(null)

/** Imported where settings are read, so nothing of the network is loaded with it. */
export const originSettings = z.strictObject({
  hf: HubUrl.default('https://huggingface.co').describe(
    'Hugging Face, or a mirror of it. The variable `HF_ENDPOINT` counts where this is the default.'
  ),
  hfTokenFile: TokenFile.describe(
    'A file with the token for Hugging Face, on one line. Without it, the variable `HF_TOKEN` counts.'
  ),
  ms: HubUrl.default('https://www.modelscope.cn').describe('ModelScope.'),
  msTokenFile: TokenFile.describe('A file with the token for ModelScope, on one line.'),
  ollama: HubUrl.default('https://registry.ollama.ai').describe('The registry of Ollama.')
})
export type OriginSettings = z.infer<typeof originSettings>

/** What a token can be in a header; more is another file by mistake. */
const TOKEN = /^[\x21-\x7e]{1,4096}$/

/** Read at each use, so that a new token counts at once. @throws {LumosError} `CONFIG_INVALID`, without what the file holds. */
export async function readToken(
  file: string | null,
  variable: string | undefined
): Promise<string | undefined> {
  if (file === null) return variable !== undefined && TOKEN.test(variable) ? variable : undefined
  const text = await readFile(file, 'utf8').catch((err: NodeJS.ErrnoException) => {
    throw new LumosError('CONFIG_INVALID', `The token in ${file} is not readable: ${err.code}.`)
  })
  const token = text.trim()
  if (!TOKEN.test(token)) throw new LumosError('CONFIG_INVALID', `${file} holds no token on one line.`)
  return token
}

/** The hub that is meant: what the settings say, unless they say nothing and the variable does. */
export function hfUrl({ hf }: OriginSettings, env: Environment): string {
  const fallback = originSettings.shape.hf.parse(undefined)
  return hf === fallback ? (HubUrl.safeParse(env.HF_ENDPOINT).data ?? hf) : hf
}
