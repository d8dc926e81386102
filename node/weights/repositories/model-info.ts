/** `model_info.json` of a repository against its files: the form, and that each runtime is there in whole or not at all. */

import { ModelDescription } from '../../../capabilities/index.ts'
import type { RepositoryParts } from '../origins/origin.ts'
import { errorOffset, offsetIn, placeAt } from './json-text.ts'
import { PROBLEMS_MAX, type Problem, pathText } from './problem.ts'

export const MODEL_INFO = 'model_info.json'

/**
 * @param files paths of all files of the repository.
 * @param parts where only these were asked for: other runtimes and datasets need not be there.
 */
export function checkModelInfo(text: string, files: ReadonlySet<string>, parts?: RepositoryParts): Problem[] {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (err) {
    const why = (err as Error).message.replace(/ in JSON at position.*$|, [".].*$/s, '')
    return [{ file: MODEL_INFO, ...placeAt(text, errorOffset(text)), message: `it is no JSON: ${why}` }]
  }
  const problems: Problem[] = []
  const report = (path: readonly PropertyKey[], message: string): void => {
    const where = pathText(path)
    problems.push({
      file: MODEL_INFO,
      ...placeAt(text, offsetIn(text, path)),
      message: where === '' ? message : `${where}: ${message}`
    })
  }
  const { data, error } = ModelDescription.safeParse(json)
  for (const { path, message } of error?.issues.slice(0, PROBLEMS_MAX) ?? []) report(path, message)
  if (data !== undefined) checkFiles(data, { files, parts, report })
  return problems
}

type Report = (path: readonly PropertyKey[], message: string) => void

interface Check {
  readonly files: ReadonlySet<string>
  readonly parts: RepositoryParts | undefined
  readonly report: Report
}

interface Listed {
  readonly path: readonly PropertyKey[]
  readonly files: readonly string[]
}

function checkFiles({ runtimes, datasets, sha256 }: ModelDescription, { files, parts, report }: Check): void {
  const listed: Listed[] = []
  for (const name of ['torch', 'onnx'] as const) {
    const runtime = runtimes[name]
    if (!runtime?.available) continue
    const path = ['runtimes', name, 'files']
    if (runtime.files.length === 0) report(path, 'a runtime that is available lists its files')
    else listed.push({ path, files: runtime.files })
  }
  const { rknn } = runtimes
  if (rknn?.available) {
    if (rknn.devices.length === 0)
      report(['runtimes', 'rknn', 'devices'], 'a runtime that is available lists its devices')
    for (const [at, device] of rknn.devices.entries()) {
      const own = Object.hasOwn(rknn.files, device) ? rknn.files[device]! : []
      if (own.length === 0)
        report(['runtimes', 'rknn', 'devices', at], `files lists none for ${JSON.stringify(device)}`)
      else listed.push({ path: ['runtimes', 'rknn', 'files', device], files: own })
    }
    for (const device of Object.keys(rknn.files))
      if (!rknn.devices.includes(device))
        report(['runtimes', 'rknn', 'files', device], 'devices does not list this device')
  }

  let whole = 0
  for (const { path, files: own } of listed) {
    const missing = own.flatMap((file, at) => (files.has(file) ? [] : [at]))
    if (missing.length === 0) whole++
    // A device that opens one runtime need not have the others.
    else if (missing.length < own.length || (listed.length === 1 && parts === undefined))
      for (const at of missing) report([...path, at], `the file ${own[at]} is not there`)
  }
  if (listed.length > 1 && whole === 0 && parts === undefined)
    report(['runtimes'], 'no runtime has its files there')
  for (const [name, file] of Object.entries(datasets))
    if (!files.has(file) && (parts === undefined || parts.datasets.includes(name)))
      report(['datasets', name], `the file ${file} is not there`)
  for (const file of Object.keys(sha256))
    if (!files.has(file) && !listed.some(({ files: own }) => own.includes(file)))
      report(['sha256', file], 'there is no such file')
}
