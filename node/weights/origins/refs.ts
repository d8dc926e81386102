/** What `models pull` takes: the written forms of where a model is, and what the model is called here. */

import { posix } from 'node:path'
import { InvalidInputError } from '../../../interface/errors.ts'
import { ModelId } from '../../../interface/names.ts'
import { isPath } from '../../../interface/path-ref.ts'
import { RepositoryName, RepositoryPath } from '../../../interface/weights.ts'
import { hubPage } from './hub-pages.ts'

/** A repository of a hub of Hugging Face or ModelScope, and a file or variant of it where only that is wanted. */
export interface HubRef {
  readonly kind: 'hf' | 'ms'
  readonly owner: string
  readonly name: string
  readonly revision?: string
  readonly file?: string
}

export interface OllamaRef {
  readonly kind: 'ollama'
  /** With its owner where it has one that is not `library`. */
  readonly name: string
  readonly tag: string
}

export interface UrlRef {
  readonly kind: 'url'
  readonly url: string
}

/** A directory or file of any peer that speaks Bitswap. No router of the public network is asked, so the peer is named. */
export interface IpfsRef {
  readonly kind: 'ipfs'
  readonly cid: string
  /** `/ip4/…/tcp/…/p2p/…` */
  readonly address: string
}

export interface PathRef {
  readonly kind: 'path'
  /** As it was written, so that the caller resolves it on the device where it was written. */
  readonly path: string
}

/** A model that the mesh has, or may have: by its address or its name. */
export interface MeshRef {
  readonly kind: 'cid' | 'name'
  readonly ref: string
}

export type OriginRef = HubRef | OllamaRef | UrlRef | IpfsRef
export type ModelRef = OriginRef | PathRef | MeshRef

/** Far more than a URL with a signature has. */
const REF_CHARS_MAX = 4096
const REVISION_CHARS_MAX = 255
const HUB_PART = /^[A-Za-z0-9][\w.-]{0,95}$/
const REVISION = /^(?!.*(?:\.\.|\/\/|\/$))[A-Za-z0-9][\w.+/-]*$/
const OLLAMA_NAME = /^(?:[A-Za-z0-9][\w.-]{0,79}\/)?[A-Za-z0-9][\w.-]{0,79}$/
const OLLAMA_TAG = /^\w[\w.-]{0,127}$/
/** CIDv1 in base32 of SHA-256: a directory or large file (`dag-pb`), or a single leaf (`raw`). */
const CID = /^baf(?:ybei|krei)[a-z2-7]{52}$/
/** Version 0 too, which `ipfs add` makes unless it is told otherwise. */
const FOREIGN_CID = /^(?:Qm[1-9A-HJ-NP-Za-km-z]{44}|baf(?:ybei|krei)[a-z2-7]{52})$/
const PEER_ADDRESS =
  /^\/(?:ip4\/[\d.]{7,15}|ip6\/[\da-f:]{2,39})\/tcp\/\d{1,5}\/p2p\/[1-9A-HJ-NP-Za-km-z]{46,62}$/i
/** Without a scheme, as other programs have it. */
const HUB_HOST = /^(?:hf\.co|huggingface\.co)\//i
const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*:\/\//
/** Kinds of weights, as GGUF files are named by them at their ends. */
const VARIANT =
  /[-._]((?:UD-)?(?:I?Q\d(?:_[A-Z0-9]+)*|TQ\d_\d|MXFP4(?:_MOE)?|BF16|F16|F32))(?:-\d{5}-of-\d{5})?$/i
const FORMS =
  'hf:OWNER/NAME[@REVISION][:FILE], ms:OWNER/NAME, ollama:NAME[:TAG], ipfs:CID@ADDRESS, a URL, a path that starts with / ~/ or ./, a CID, or the name of a model'

/** @throws {InvalidInputError} naming the part that is wrong, and the forms there are. */
export function parseRef(text: string): ModelRef {
  if (text.length === 0 || text.length > REF_CHARS_MAX)
    throw refused(`A model has 1 to ${REF_CHARS_MAX} characters`)
  if (/[\p{Cc}\p{Cf}]/u.test(text)) throw refused('The model holds characters that are not seen')
  if (isPath(text)) return { kind: 'path', path: text }
  if (HUB_HOST.test(text)) return urlRef(`https://${text}`)
  if (SCHEME.test(text)) return urlRef(text)
  const [, prefix, rest = ''] = /^(hf|ms|ollama|ipfs):(.*)$/is.exec(text) ?? []
  if (prefix?.toLowerCase() === 'ollama') return ollamaRef(rest)
  if (prefix?.toLowerCase() === 'ipfs') return ipfsRef(rest)
  if (prefix !== undefined) return hubRef(prefix.toLowerCase() as 'hf' | 'ms', rest)
  if (CID.test(text)) return { kind: 'cid', ref: text }
  if (!ModelId.safeParse(text).success) throw refused(`"${shown(text)}" is no name of a model`)
  return { kind: 'name', ref: text }
}

function hubRef(kind: 'hf' | 'ms', rest: string): HubRef {
  const [, id = '', revision, file] = /^([^@:]*)(?:@([^:]*))?(?::(.*))?$/s.exec(rest) ?? []
  const [owner = '', name = '', ...more] = id.split('/')
  if (!HUB_PART.test(owner) || !HUB_PART.test(name) || more.length > 0)
    throw refused(`${kind}:${shown(rest)} needs an owner and a name, as in ${kind}:OWNER/NAME`)
  if (revision !== undefined && (!REVISION.test(revision) || revision.length > REVISION_CHARS_MAX))
    throw refused(`"${shown(revision)}" is no revision`)
  if (file !== undefined && !RepositoryPath.safeParse(file).success)
    throw refused(`"${shown(file)}" is no plain path of a file in a repository`)
  return {
    kind,
    owner,
    name,
    ...(revision !== undefined && { revision }),
    ...(file !== undefined && { file })
  }
}

function ollamaRef(rest: string): OllamaRef {
  const [, name = '', tag = 'latest'] = /^([^:]*)(?::(.*))?$/s.exec(rest) ?? []
  if (!OLLAMA_NAME.test(name)) throw refused(`ollama:${shown(rest)} needs a name, as in ollama:NAME[:TAG]`)
  if (!OLLAMA_TAG.test(tag)) throw refused(`"${shown(tag)}" is no tag`)
  return { kind: 'ollama', name: name.replace(/^library\//, ''), tag }
}

function ipfsRef(rest: string): IpfsRef {
  const [, cid = '', address = ''] = /^([^@]*)@?(.*)$/s.exec(rest) ?? []
  if (!FOREIGN_CID.test(cid)) throw refused(`ipfs:${shown(rest)} needs a CID, as in ipfs:CID@ADDRESS`)
  if (!PEER_ADDRESS.test(address))
    throw refused(`ipfs:${shown(rest)} needs the address of the peer that has it: @/ip4/…/tcp/…/p2p/…`)
  return { kind: 'ipfs', cid, address }
}

function urlRef(text: string): UrlRef | HubRef {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    throw refused(`"${shown(text)}" is no address that starts with https:// or http://`)
  // Refs are kept with jobs and shown to people.
  if (url.username !== '' || url.password !== '') throw refused('A URL must hold no password')
  url.hash = ''
  const page = hubPage(url)
  if (page !== undefined) return hubRef(page.kind, page.rest)
  return { kind: 'url', url: url.href }
}

/** The written form, which `parseRef` reads again. */
export function refText(ref: ModelRef): string {
  switch (ref.kind) {
    case 'hf':
    case 'ms':
      return `${ref.kind}:${ref.owner}/${ref.name}${ref.revision === undefined ? '' : `@${ref.revision}`}${ref.file === undefined ? '' : `:${ref.file}`}`
    case 'ollama':
      return `ollama:${ref.name}:${ref.tag}`
    case 'ipfs':
      return `ipfs:${ref.cid}@${ref.address}`
    case 'url':
      return ref.url
    case 'path':
      return ref.path
    default:
      return ref.ref
  }
}

/**
 * What the model is called here: the hub's `owner/name`, with the variant where one file was asked for. Undefined
 * where the address gives no name that a model can have.
 */
export function nameOf(ref: ModelRef): string | undefined {
  switch (ref.kind) {
    case 'hf':
    case 'ms':
      return asName(`${ref.owner}/${ref.name}${ref.file === undefined ? '' : `:${labelOf(ref.file)}`}`)
    case 'ollama':
      return asName(ref.tag === 'latest' ? ref.name : `${ref.name}:${ref.tag}`)
    case 'url':
      return asName(stemOf(lastOf(new URL(ref.url).pathname)))
    case 'path':
      return asName(stemOf(ref.path.replace(/[/\\]+$/, '').replace(/^.*[/\\]/, '')))
    case 'name':
      return ref.ref
    default:
      return undefined
  }
}

const asName = (text: string): string | undefined => {
  const name = text.replace(/[^A-Za-z0-9._:/@+-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '')
  return RepositoryName.safeParse(name).data
}

/** `q4_k_m` of `dir/model-Q4_K_M.gguf` and of `Q4_K_M`; else the file without its folder and ending. */
function labelOf(file: string): string {
  const stem = stemOf(posix.basename(file))
  return VARIANT.exec(`-${stem}`)?.[1]?.toLowerCase() ?? stem
}

const stemOf = (file: string): string => file.replace(/\.(?:gguf|onnx|safetensors|npz|pt|bin)$/i, '')

/** The last part of a path in a URL. Percent signs that encode nothing stay as they are. */
export function lastOf(path: string): string {
  const last = path.split('/').at(-1) ?? ''
  try {
    return decodeURIComponent(last)
  } catch {
    return last
  }
}

/** No line of a message is filled with what was pasted by mistake. */
const shown = (text: string): string => (text.length > 80 ? `${text.slice(0, 80)}…` : text)

const refused = (what: string): InvalidInputError =>
  new InvalidInputError(`${what}.`, { hint: `Give ${FORMS}.` })
