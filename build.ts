/**
 * `npm run build`: makes `dist/`, what the published package runs.
 *
 * One bundle with shared chunks: it starts in half the time of unbundled modules
 * and keeps less in memory, because only what a command needs is parsed.
 */

import { execFileSync } from 'node:child_process'
import { globSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type BuildOptions, build, type Plugin } from 'esbuild'

/**
 * Importing `node:http` as an ES module evaluates its export `WebSocket`, and
 * with it the whole of undici: 13 MB and 30 ms, for nothing that is used here.
 */
const leanHttp: Plugin = {
  name: 'lean-http',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(node:)?http$/ }, () => ({ path: 'http', namespace: 'builtin' }))
    onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule('node:${path}')`
    }))
  }
}

/** The DHT's table of 65,536 numbers: as text it costs 6 MB to parse, as bytes a quarter of one. */
const packedPrefixes: Plugin = {
  name: 'packed-prefixes',
  setup({ onLoad }) {
    onLoad({ filter: /kad-dht\/.*\/generated-prefix-list\.js$/ }, async ({ path }) => {
      const prefixes: { default: number[] } = await import(path)
      const packed = Buffer.from(Uint32Array.from(prefixes.default).buffer).toString('base64')
      return {
        contents: `export default new Uint32Array(new Uint8Array(Buffer.from('${packed}', 'base64')).buffer)`
      }
    })
  }
}

rmSync('dist', { recursive: true, force: true })

const common: BuildOptions = {
  outdir: 'dist',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  plugins: [leanHttp, packedPrefixes],
  // Native code finds its binaries by its own place on disk.
  external: ['onnxruntime-node', 'sharp'],
  // CommonJS libraries inside the bundle still ask for Node's modules by `require`.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);"
  },
  // Names of error classes are shown to people.
  keepNames: true,
  minifyWhitespace: true,
  minifySyntax: true,
  // Node prints the whole line that an uncaught error comes from.
  lineLimit: 160,
  legalComments: 'linked',
  logLevel: 'warning'
}

await build({
  ...common,
  entryPoints: {
    cli: 'cli/main.ts',
    index: 'node/index.ts'
  }
})
// What runs in processes and threads of its own shares no chunk with the node: each chunk more is resolved at each start.
await build({
  ...common,
  entryPoints: {
    // Loaded by address: see capabilities/entries.ts.
    'host/engine-child': 'capabilities/host/engine-child.ts',
    'engines/onnx/engine': 'capabilities/engines/onnx/engine.ts',
    'engines/transformers/engine': 'capabilities/engines/transformers/engine.ts',
    'json-worker': 'gateway/json-worker.ts',
    'engines/llama-cpp/engine': 'capabilities/engines/llama-cpp/engine.ts',
    'models/hash-worker': 'capabilities/models/hash-worker.ts',
    // By storage/entries.ts.
    'weights/hash-worker': 'storage/weights/hash-worker.ts',
    // By node/memory/worker/entries.ts.
    'memory/memory-worker': 'node/memory/worker/memory-worker.ts'
  }
})

execFileSync('tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit' })

/** Only what the declarations of the peer API refer to is shipped: the rest would ask for types of bundled libraries. */
function reachable(file: string, seen: Set<string>): Set<string> {
  if (seen.has(file)) return seen
  seen.add(file)
  for (const [, name] of readFileSync(file, 'utf8').matchAll(/['"](\.{1,2}\/[^'"]+)\.ts['"]/g)) {
    reachable(join(dirname(file), `${name}.d.ts`), seen)
  }
  return seen
}
const kept = reachable(join('dist', 'types', 'node', 'index.d.ts'), new Set())
for (const file of globSync('dist/types/**/*.d.ts')) if (!kept.has(file)) rmSync(file)
