/** llama.cpp, installed once for all runs on this machine: where it is, or why it is not. */

import { execFileSync } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { existsSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import list from '../../capabilities/engines/llama-cpp/packages.json' with { type: 'json' }
import type { InstalledEngines } from '../../capabilities/install/installed-engines.ts'
import { packagesFor } from '../../capabilities/install/package-list.ts'
import { enginesIn } from './install-options.ts'

/** Another list, another folder. */
const HASH = createHash('sha256').update(JSON.stringify(list)).digest('hex').slice(0, 12)
const SHARED = join(tmpdir(), `lumos-node-engines-${HASH}`)

/** The registry that this machine can reach. */
const registryHere = (): string =>
  process.env.npm_config_registry ??
  execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).trim()

async function installed(): Promise<{ engines?: InstalledEngines; obstacle?: string }> {
  if (!existsSync(SHARED)) {
    const draft = `${SHARED}-${randomUUID()}`
    try {
      await enginesIn(draft, { registry: registryHere() }).install('llama-cpp', {
        packages: packagesFor(list, process, []),
        version: list.version,
        accelerators: [],
        onProgress() {}
      })
      renameSync(draft, SHARED)
    } catch (err) {
      rmSync(draft, { recursive: true, force: true })
      // Another run was faster, or there is no network.
      if (!existsSync(SHARED)) return { obstacle: (err as Error).message }
    }
  }
  return { engines: enginesIn(SHARED) }
}

export const { engines: installedEngines, obstacle } = await installed()
if (obstacle !== undefined) console.warn(`Tests with llama.cpp do not run here: ${obstacle}`)
