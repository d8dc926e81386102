/** Tool calls in the forms in which models are trained to write them, and the form in which they are shown one again. */

export interface WrittenCall {
  readonly name: string
  /** JSON. */
  readonly arguments: string
}

/** Hermes, Qwen and many after them: each call between these. */
export const CALL_START = '<tool_call>'
export const CALL_END = '</tool_call>'
/** Mistral: all that follows is calls. */
export const CALLS_FOLLOW = '[TOOL_CALLS]'
/** Llama 3.1 may begin a call with it. */
export const PYTHON_TAG = '<|python_tag|>'
const MISTRAL_ARGUMENTS = '[ARGS]'
/** Calls that one answer may make, as `Answer` counts them. */
const CALLS_MAX = 128
const NAME_CHARS_MAX = 256

/** Control tokens of models that mean something in an answer, and so are part of its text. */
export const SPOKEN_TOKENS: ReadonlySet<string> = new Set([
  ...[CALL_START, CALL_END, CALLS_FOLLOW, PYTHON_TAG],
  ...['[ARGS]', '[CALL_ID]', '<think>', '</think>']
])

/** `{"name": …, "arguments": …}`; undefined when it is none. */
export function callIn(text: string): WrittenCall | undefined {
  const call = callOf(parsed(text))
  return call === undefined ? undefined : { ...call, arguments: asWritten(text.trim(), call.arguments) }
}

/** To the letter, so that the next turn repeats them and its beginning is known to the model already. */
function asWritten(text: string, stated: string): string {
  const key = /"(?:arguments|parameters)"\s*:/.exec(text)
  if (key === null) return stated
  // Its spaces are a caller's to choose: a pattern for the rest would go through them again from each.
  const written = text.slice(key.index + key[0].length, -1).trim()
  const value = parsed(written)
  return value !== undefined && JSON.stringify(value) === stated ? written : stated
}

/** What follows `[TOOL_CALLS]`: a list of calls, or `name[ARGS]{…}` for each. */
export function mistralCalls(text: string): WrittenCall[] | undefined {
  if (!text.includes(MISTRAL_ARGUMENTS)) return all(parsed(text), callOf)
  return all(text.split(CALLS_FOLLOW), one => {
    const [name = '', json = ''] = String(one).split(MISTRAL_ARGUMENTS)
    return callOf({ name: name.replace(/\[CALL_ID\].*$/, '').trim(), arguments: parsed(json) })
  })
}

/** An answer that is nothing but calls, as Llama 3.1 writes them; only names that were offered tell it from other JSON. */
export function bareCalls(text: string, names: ReadonlySet<string>): WrittenCall[] | undefined {
  const only = callIn(text)
  if (only !== undefined) return names.has(only.name) ? [only] : undefined
  const whole = parsed(text)
  const values = whole === undefined ? text.split(/;\s*(?=\{)/).map(parsed) : [whole].flat()
  const calls = all(values, callOf)
  return calls?.every(({ name }) => names.has(name)) ? calls : undefined
}

function callOf(value: unknown): WrittenCall | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { name, arguments: stated, parameters } = value as Record<string, unknown>
  const args = stated ?? parameters ?? {}
  if (typeof name !== 'string' || name === '' || name.length > NAME_CHARS_MAX) return undefined
  // Some models write the arguments as text that is JSON again.
  const json = typeof args === 'string' ? parsed(args) : args
  return typeof json === 'object' && json !== null ? { name, arguments: JSON.stringify(json) } : undefined
}

function all(values: unknown, read: (value: unknown) => WrittenCall | undefined): WrittenCall[] | undefined {
  if (!Array.isArray(values) || values.length === 0 || values.length > CALLS_MAX) return undefined
  const calls = values.map(read)
  return calls.includes(undefined) ? undefined : (calls as WrittenCall[])
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** A call in the form of Hermes, for templates that have none of their own. */
export const asText = ({ name, arguments: json }: WrittenCall): string =>
  `${CALL_START}{"name": ${JSON.stringify(name)}, "arguments": ${spaced(parsed(json) ?? json)}}${CALL_END}`

/** JSON with the spaces of Python's, on which models are trained. */
function spaced(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spaced).join(', ')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).map(([name, member]) => `${JSON.stringify(name)}: ${spaced(member)}`)
  return `{${members.join(', ')}}`
}
