import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, it } from 'vitest'
import { MODELS } from './parts.ts'

const NODE = fileURLToPath(new URL('./traced-node.ts', import.meta.url))
const ROOT = join(import.meta.dirname, '../..')
/** What an engine may open: code, libraries of the system, its model, and what the kernel says of devices. */
const FOLDERS = [
  ROOT,
  realpathSync(join(ROOT, 'node_modules')),
  dirname(realpathSync(process.execPath)),
  '/usr/',
  '/lib',
  '/nix/store/',
  '/proc/',
  '/sys/',
  '/dev/'
]
/** The rest of `/etc` says who and where this device is: machine-id, passwd, hosts, resolv.conf. */
const FILES = [
  '/etc/ld.so.cache',
  '/etc/ld.so.preload',
  '/etc/localtime',
  '/etc/ssl/openssl.cnf',
  '/etc/pki/tls/openssl.cnf'
]

/** Why calls of the system cannot be traced here, if so. */
function obstacle(): string | undefined {
  if (process.platform !== 'linux') return 'calls are traced on Linux only'
  try {
    execFileSync('strace', ['-o', '/dev/null', '-e', 'trace=none', process.execPath, '--version'])
    return undefined
  } catch (err) {
    return `strace does not work: ${(err as Error).message}`
  }
}

const hindered = obstacle()
if (hindered !== undefined)
  console.warn(`The look-ups of an engine were not watched, these tests did not run: ${hindered}`)

/** Calls of a node and its engine while a real model is loaded and asked. */
async function callsOfNode(model: string): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'lumos-trace-'))
  const trace = join(folder, 'calls')
  const calls = 'trace=open,openat,openat2,socket,connect,bind,sendto,sendmmsg,execve'
  await promisify(execFile)(
    'strace',
    [...['-f', '-s', '256', '-o', trace, '-e', calls], ...[process.execPath, NODE, join(MODELS, model)]],
    // The cache of compiled code is of these tests, and no part of a node.
    { env: { ...process.env, NODE_COMPILE_CACHE: undefined } }
  )
  const lines = readFileSync(trace, 'utf8').split('\n')
  rmSync(folder, { recursive: true })
  return lines
}

describe.skipIf(hindered !== undefined)('an engine that serves a real model', () => {
  it.each([
    ['digits-cnn', 'onnx/model.onnx'],
    ['tiny-llm', 'onnx/model_quantized.onnx']
  ])(
    'opens its model and code, no file that tells of this device or its owner, and no connection (%s)',
    async (model, graph) => {
      const calls = await callsOfNode(model)
      const opened = calls.flatMap(call => /\bopen(?:at2?)?\((?:AT_FDCWD, )?"([^"]*)"/.exec(call)?.[1] ?? [])

      // It was the engine, with its runtime and its model, that was watched.
      assert.ok(calls.some(call => /execve\(.*engine-child|execve\(.*setpriv/.test(call)))
      assert.ok(opened.some(path => /libonnxruntime/.test(path)))
      assert.ok(opened.some(path => path.endsWith(graph)))

      assert.deepEqual(
        calls.filter(call => /\b(socket|connect|bind|sendto|sendmmsg)\(/.test(call)),
        []
      )
      const strange = opened.filter(
        path =>
          path.startsWith('/') && !FILES.includes(path) && !FOLDERS.some(folder => path.startsWith(folder))
      )
      assert.deepEqual([...new Set(strange)], [])
    }
  )
})
