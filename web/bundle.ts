/** The page as files, each compressed: what the gateway serves at `/`. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

const HERE = import.meta.dirname
/** Where the names of the scripts and styles go, which hold a hash of what is in them. */
const SLOTS = { js: '<!-- script -->', css: '<!-- style -->' } as const

/** By name, such as `app-ABCD.js`; compressed with gzip. */
export async function pageFiles(): Promise<ReadonlyMap<string, Uint8Array>> {
  const { outputFiles } = await build({
    entryPoints: { app: join(HERE, 'main.tsx'), worker: join(HERE, 'worker.ts') },
    bundle: true,
    minify: true,
    write: false,
    outdir: 'page',
    entryNames: '[name]-[hash]',
    format: 'esm',
    // Browsers that know light-dark(), since 2024.
    target: ['chrome123', 'firefox128', 'safari17.5'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    logLevel: 'warning'
  })

  let html = readFileSync(join(HERE, 'index.html'), 'utf8')
  const files = new Map<string, Uint8Array>()
  for (const { path, contents } of outputFiles) {
    const name = path.slice(path.lastIndexOf('/') + 1)
    // The browser asks for a service worker by the same name each time.
    files.set(name.startsWith('worker-') ? 'worker.js' : name, gzipSync(contents, { level: 9 }))
    if (name.startsWith('app-') && name.endsWith('.js')) {
      html = html.replace(SLOTS.js, `<script type="module" src="/${name}"></script>`)
    }
    if (name.endsWith('.css')) html = html.replace(SLOTS.css, `<link rel="stylesheet" href="/${name}">`)
  }
  files.set('index.html', gzipSync(html, { level: 9 }))
  for (const name of ['icon.svg', 'app.webmanifest']) {
    files.set(name, gzipSync(readFileSync(join(HERE, name)), { level: 9 }))
  }
  return files
}

export async function bundlePage(outdir: string): Promise<void> {
  mkdirSync(outdir, { recursive: true })
  for (const [name, contents] of await pageFiles()) writeFileSync(join(outdir, `${name}.gz`), contents)
}
