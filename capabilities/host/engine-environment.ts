/** What an engine's process gets of the node's environment: how to find libraries, which device to use, and how to write. */

import { isAbsolute } from 'node:path'

/** Where it is set, the process of an engine gives way to other programs: it is told so as an argument. */
export const LOW_PRIORITY = 'LUMOS_LOW_PRIORITY'

export type EngineEnvironment = Readonly<Record<string, string>>

/** Lists of files and folders that the loader of the system looks into, each with what parts its entries. */
const LOADER_PATHS: Readonly<Record<string, RegExp>> = {
  LD_LIBRARY_PATH: /[:;]/,
  LD_PRELOAD: /[:\s]/,
  DYLD_LIBRARY_PATH: /:/,
  DYLD_FALLBACK_LIBRARY_PATH: /:/
}
/** Documented in `docs/security.md`: a name is added there, too. */
const HANDED: ReadonlySet<string> = new Set([
  // Which accelerator to use.
  'CUDA_VISIBLE_DEVICES',
  'CUDA_DEVICE_ORDER',
  'NVIDIA_VISIBLE_DEVICES',
  'HIP_VISIBLE_DEVICES',
  'ROCR_VISIBLE_DEVICES',
  'ONEAPI_DEVICE_SELECTOR',
  'ZE_AFFINITY_MASK',
  'GGML_VK_VISIBLE_DEVICES',
  // Has a driver take a card for one of another kind.
  'HSA_OVERRIDE_GFX_VERSION',
  // Language and time zone.
  'LANG',
  'LANGUAGE',
  'TZ',
  // Where temporary files go.
  'TMPDIR',
  'TEMP',
  'TMP',
  // Without it Windows finds none of its own libraries.
  'SYSTEMROOT'
])

export function engineEnvironment(env: Readonly<Record<string, string | undefined>>): EngineEnvironment {
  const handed: Record<string, string> = {}
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined) continue
    const separator = LOADER_PATHS[name]
    if (separator !== undefined) {
      // An empty or a relative entry means the working directory, which holds a model's files.
      const entries = value.split(separator).filter(entry => isAbsolute(entry))
      if (entries.length > 0) handed[name] = entries.join(':')
    } else if (HANDED.has(name.toUpperCase()) || name.startsWith('LC_')) {
      handed[name] = value
    }
  }
  return handed
}
