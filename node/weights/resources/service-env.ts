/** Reads the variables of a service. */

import type { Fields, Path, ReaderSource } from './fields.ts'
import type { ModelWanted, Runtime } from './types.ts'

const VARIABLE = /^[A-Za-z_]\w*$/
/** Of one, as in `engines.external`. */
const CHARS_MAX = 4096
/** Runtimes of models that programs of the owner open. */
const PROGRAMS: ReadonlySet<Runtime> = new Set(['torch', 'rknn', 'external'])

interface Place {
  readonly path: Path
  readonly fields: Fields
  readonly source: ReaderSource
  /** Those of the service, where it is of a node's own configuration. */
  readonly models: ReadonlyMap<string, ModelWanted> | undefined
}

/** Programs of the owner get them; engines of the package have an environment of their own. */
export function readEnv(value: unknown, { path, fields, source, models }: Place): Record<string, string> {
  const given = Object.entries(fields.of(path, value ?? {}) ?? {})
  for (const [name, text] of given) {
    if (typeof text === 'object') source.report([...path, name], 'expected a text')
    else if (models !== undefined) {
      if (!VARIABLE.test(name)) source.report([...path, name], 'expected the name of a variable', 'key')
      if (String(text).length > CHARS_MAX || String(text).includes('\0'))
        source.report([...path, name], `expected a text of at most ${CHARS_MAX} characters`)
    }
  }
  const isUnused = models !== undefined && [...models.values()].every(({ runtime }) => !PROGRAMS.has(runtime))
  if (given.length > 0 && isUnused)
    source.warn(path, 'not used here: engines for onnx and gguf have an environment of their own')
  return Object.fromEntries(given.map(([name, text]) => [name, String(text)]))
}
