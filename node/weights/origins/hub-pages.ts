/** Addresses of repositories and files of hubs, as a browser shows them and as other programs take them. */

const HUGGING_FACE = /^(?:www\.)?(?:hf|huggingface)\.co$/
const MODEL_SCOPE = /^(?:www\.)?modelscope\.cn$/
/** What stands in the place of an owner at Hugging Face, and is none of models. */
const NO_OWNER: ReadonlySet<string> = new Set([
  'api',
  'blog',
  'collections',
  'datasets',
  'docs',
  'papers',
  'spaces'
])
/** Pages of a repository, which mean all of it. */
const WHOLE: ReadonlySet<string | undefined> = new Set([undefined, 'summary', 'files', 'tree'])
/** Pages of a file, and the file itself. */
const FILE: ReadonlySet<string | undefined> = new Set(['blob', 'resolve', 'raw'])

/** What follows `hf:` or `ms:` in the form that people write; undefined for an address of anything else. */
export function hubPage({ hostname, pathname }: URL): { kind: 'hf' | 'ms'; rest: string } | undefined {
  const kind = HUGGING_FACE.test(hostname) ? 'hf' : MODEL_SCOPE.test(hostname) ? 'ms' : undefined
  if (kind === undefined) return undefined
  const parts = decoded(pathname.split('/').filter(part => part !== ''))
  if (kind === 'ms' && parts.shift() !== 'models') return undefined
  const [owner = '', repository = '', page, revision, ...file] = parts
  // As Ollama has it: hf.co/OWNER/NAME:VARIANT.
  const [name = '', label] = repository.split(':')
  if (owner === '' || name === '' || NO_OWNER.has(owner)) return undefined
  const at = revision === undefined || revision === 'main' || revision === 'master' ? '' : `@${revision}`
  if (WHOLE.has(page) && file.length === 0)
    return { kind, rest: `${owner}/${name}${at}${label === undefined ? '' : `:${label}`}` }
  if (FILE.has(page) && file.length > 0) return { kind, rest: `${owner}/${name}${at}:${file.join('/')}` }
  return undefined
}

/** Nothing where percent signs encode nothing. */
function decoded(parts: readonly string[]): string[] {
  try {
    return parts.map(decodeURIComponent)
  } catch {
    return []
  }
}
