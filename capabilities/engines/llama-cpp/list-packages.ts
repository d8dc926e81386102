/**
 * `npm run engine-packages`: makes `packages.json`, the list of what `engine install llama-cpp` brings.
 *
 * Of the many dependencies of node-llama-cpp, only those are listed that it loads when it opens a model with a prebuilt
 * binary: the others compile and download. Not part of the package.
 */

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The newest version of which the packages of all platforms can be had. */
const VERSION = '3.21.1'
const LIBRARY = 'node-llama-cpp'
/** Suffix of the package of each platform, and what it is for. */
const BINARIES: readonly [suffix: string, platform: string, arch: string, accelerator?: string][] = [
  ['linux-x64', 'linux', 'x64'],
  ['linux-x64-cuda', 'linux', 'x64', 'cuda'],
  ['linux-x64-cuda-ext', 'linux', 'x64', 'cuda'],
  ['linux-x64-vulkan', 'linux', 'x64', 'vulkan'],
  ['linux-arm64', 'linux', 'arm64'],
  ['linux-armv7l', 'linux', 'arm'],
  ['linux-riscv64', 'linux', 'riscv64'],
  ['mac-arm64-metal', 'darwin', 'arm64'],
  ['mac-x64', 'darwin', 'x64'],
  ['win-x64', 'win32', 'x64'],
  ['win-x64-cuda', 'win32', 'x64', 'cuda'],
  ['win-x64-cuda-ext', 'win32', 'x64', 'cuda'],
  ['win-x64-vulkan', 'win32', 'x64', 'vulkan'],
  ['win-arm64', 'win32', 'arm64']
]
/** Prints the folders of all packages of which a file is loaded. */
const TRACE = `
  import { writeFileSync } from 'node:fs'
  import { registerHooks } from 'node:module'
  const seen = new Set()
  registerHooks({
    load(url, context, next) {
      const inside = /\\/(node_modules\\/.*)$/.exec(url)?.[1]
      if (inside) seen.add(/^(?:.*\\/)?node_modules\\/(?:@[^/]+\\/)?[^/]+/.exec(inside)[0])
      return next(url, context)
    }
  })
  const { getLlama, LlamaLogLevel } = await import('${LIBRARY}')
  await (await getLlama({ gpu: false, build: 'never', skipDownload: true, progressLogs: false })).dispose()
  writeFileSync('traced.json', JSON.stringify([...seen]))
  process.exit(0)`

interface Dist {
  readonly dist: { readonly integrity: string }
}

const registry = execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' })
  .trim()
  .replace(/\/$/, '')
const folder = mkdtempSync(join(tmpdir(), 'engine-packages-'))
const install = ['install', '--ignore-scripts', '--omit=optional', '--no-audit', '--no-fund']
writeFileSync(join(folder, 'package.json'), '{}')
const here = BINARIES.find(([, platform, arch]) => platform === process.platform && arch === process.arch)!
const wanted = [`${LIBRARY}@${VERSION}`, `@${LIBRARY}/${here[0]}@${VERSION}`]
execFileSync('npm', [...install, ...wanted], { cwd: folder, stdio: 'ignore' })
writeFileSync(join(folder, 'trace.mjs'), TRACE)
execFileSync(process.execPath, ['trace.mjs'], { cwd: folder })
const traced: string[] = JSON.parse(readFileSync(join(folder, 'traced.json'), 'utf8'))
const lock: { packages: Record<string, { version: string }> } = JSON.parse(
  readFileSync(join(folder, 'package-lock.json'), 'utf8')
)

async function entryOf(path: string, version: string, use = {}): Promise<object> {
  const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
  const answer = await fetch(`${registry}/${name}/${version}`)
  const { dist } = (await answer.json()) as Dist
  const head = await fetch(`${registry}/${name}/-/${name.replace(/^.*\//, '')}-${version}.tgz`, {
    method: 'HEAD'
  })
  const bytes = Number(head.headers.get('content-length'))
  if (!(bytes > 0 && dist.integrity.startsWith('sha512-')))
    throw new Error(`${name}: no length, or no sha512`)
  return { path, version, bytes, integrity: dist.integrity, ...use }
}

const packages: object[] = []
for (const path of traced.sort()) {
  if (!path.startsWith(`node_modules/@${LIBRARY}/`))
    packages.push(await entryOf(path, lock.packages[path]!.version))
}
for (const [suffix, platform, arch, accelerator] of BINARIES)
  packages.push(await entryOf(`node_modules/@${LIBRARY}/${suffix}`, VERSION, { platform, arch, accelerator }))
rmSync(folder, { recursive: true })
writeFileSync(
  new URL('packages.json', import.meta.url),
  `${JSON.stringify({ version: VERSION, packages }, null, 2)}\n`
)
