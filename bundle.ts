/**
 * The product as one bundle with shared chunks: it starts in half the time of unbundled modules
 * and keeps less in memory, because only what a command needs is parsed.
 */

import { copyFile } from 'node:fs/promises'
import { isBuiltin } from 'node:module'
import { join } from 'node:path'
import { type BuildOptions, build, type Plugin } from 'esbuild'
import { bundlePage } from './web/bundle.ts'

/**
 * Modules of Node that are asked for, not imported. Libraries in CommonJS require them: for that, each chunk would make a
 * `require` of its own at each start, 2 KB and a tenth of a millisecond for each of 150. And importing `node:http` as an ES
 * module evaluates its export `WebSocket`, and with it the whole of undici: 13 MB and 30 ms, for nothing that is used here.
 */
const askedModules: Plugin = {
  name: 'asked-modules',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^[a-z0-9_:/]+$/ }, ({ path, kind }) => {
      const name = path.replace(/^node:/, '')
      if (!isBuiltin(path) || (kind !== 'require-call' && name !== 'http')) return undefined
      return { path: name, namespace: 'builtin' }
    })
    onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule('node:${path}')`
    }))
  }
}

/** The DHT's table of 65,536 numbers: as text it costs 6 MB to parse. It is asked for a few of them an hour, so it stays a file. */
const filedPrefixes: Plugin = {
  name: 'filed-prefixes',
  setup({ onResolve, onLoad }) {
    onLoad({ filter: /kad-dht\/.*\/generated-prefix-list\.js$/ }, ({ path }) => ({
      contents: `import { closeSync, openSync, readSync } from 'node:fs'
import table from ${JSON.stringify(`${path}?bytes`)}
function numberAt(_, index) {
  const file = openSync(new URL(table, import.meta.url))
  try {
    const bytes = new DataView(new ArrayBuffer(4))
    readSync(file, bytes, { position: 4 * index })
    return bytes.getUint32(0)
  } finally {
    closeSync(file)
  }
}
export default new Proxy([], { get: numberAt })`
    }))
    onResolve({ filter: /generated-prefix-list\.js\?bytes$/ }, ({ path }) => ({
      path: path.replace(/\.js\?bytes$/, '.bin'),
      namespace: 'prefixes'
    }))
    onLoad({ filter: /.*/, namespace: 'prefixes' }, async ({ path }) => {
      const prefixes: { default: number[] } = await import(path.replace(/bin$/, 'js'))
      const contents = Buffer.alloc(4 * prefixes.default.length)
      for (const [index, prefix] of prefixes.default.entries()) contents.writeUInt32BE(prefix, 4 * index)
      return { contents, loader: 'file' }
    })
  }
}

export const COMMON: BuildOptions = {
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  plugins: [askedModules, filedPrefixes],
  // Native code finds its binaries by its own place on disk.
  external: ['onnxruntime-node', 'sharp'],
  minifyWhitespace: true,
  minifySyntax: true,
  // Node prints the whole line that an uncaught error comes from.
  lineLimit: 160,
  legalComments: 'linked',
  logLevel: 'warning'
}

/** The client package, for browsers too: nothing of Node is in it, and each byte is one that a page loads. */
export async function bundleClient(outdir: string): Promise<void> {
  await build({
    outdir,
    entryPoints: { client: 'client/index.ts' },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    legalComments: 'linked',
    logLevel: 'warning'
  })
}

/** Writes it into `outdir`, a folder of the package's own folder: native libraries and models are found from there. */
export async function bundle(outdir: string): Promise<void> {
  await build({
    ...COMMON,
    outdir,
    entryPoints: {
      cli: 'cli/main.ts',
      index: 'node/index.ts'
    }
  })
  // What runs in processes and threads of its own shares no chunk with the node: each chunk more is resolved at each start.
  await build({
    ...COMMON,
    outdir,
    entryPoints: {
      // Loaded by address: see capabilities/entries.ts.
      'host/engine-child': 'capabilities/host/engine-child.ts',
      'engines/external/engine': 'capabilities/engines/external/engine.ts',
      'engines/onnx/engine': 'capabilities/engines/onnx/engine.ts',
      'engines/transformers/engine': 'capabilities/engines/transformers/engine.ts',
      'json-worker': 'gateway/json-worker.ts',
      'engines/llama-cpp/engine': 'capabilities/engines/llama-cpp/engine.ts',
      'models/hash-worker': 'capabilities/models/hash-worker.ts',
      'quantize/main': 'capabilities/quantize/main.ts',
      // By storage/entries.ts.
      'weights/hash-worker': 'storage/weights/hash-worker.ts',
      // By node/memory/worker/entries.ts.
      'memory/memory-worker': 'node/memory/worker/memory-worker.ts',
      // By node/memory/knowledge/entries.ts.
      'memory/reader-process': 'node/memory/knowledge/read/reader-process.ts'
    }
  })
  // For programs that are made from it.
  await copyFile('gateway/grpc/aima.proto', join(outdir, 'aima.proto'))
  await bundlePage(join(outdir, 'page'))
}
