import assert from 'node:assert/strict'
import { execFile, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { publint } from 'publint'
import { afterAll, beforeAll, describe, it } from 'vitest'

const ROOT = join(import.meta.dirname, '..')
const SEVEN = join(ROOT, 'test/fixtures/digits/7.png')
/** A build, and an installation of some hundred packages from a registry. */
const INSTALL_TIMEOUT_MS = 180_000
/** A person on a slow link waits a minute for it. */
const PACKED_BYTES_MAX = 15 * 1024 * 1024

/** Any free port, and nothing that other nodes of this machine could hear. */
const ALONE = ['--port', '0', '--gateway-port', '0', '--no-mdns']

const PROGRAM = `
import { readFile } from 'node:fs/promises'
import { createLumosNode } from 'lumos-node'

await using node = await createLumosNode({
  home: process.argv[2],
  settings: { 'swarm.port': 0, 'swarm.mdns': false }
})
await node.start()
const image = new Uint8Array(await readFile(process.argv[3]))
for await (const chunk of node.infer({ model: 'digits-cnn', task: 'image-classification', input: { image } })) {
  if (chunk.type === 'output') console.log(chunk.output.labels[0].label)
}
`

const TYPED_PROGRAM = `
import { createLumosNode, type InferenceChunk, LumosError, type LumosNode, type PeerInfo } from 'lumos-node'

const node: LumosNode = await createLumosNode({ settings: { 'swarm.port': 0 } })
const peers: PeerInfo[] = node.peers()
node.events.addEventListener('peer.joined', ({ detail }) => console.log(detail.peerId, peers.length))
try {
  for await (const chunk of node.infer({ task: 'text-generation', input: {} })) {
    const piece: InferenceChunk = chunk
    if (piece.type === 'text') console.log(piece.text)
  }
} catch (err) {
  if (err instanceof LumosError && err.code === 'OVERLOADED') console.log(err.retryable)
}
// @ts-expect-error: proves that the types are known at all
node.infer({ task: 'telepathy', input: {} })
`

/** Node's own parts that a process has loaded, on stdout when it ends. */
const TELL_LOADED = `data:text/javascript,process.on('exit',()=>console.log('\\n'+process.moduleLoadList.join()))`

/** Words of WebRTC, mplex, relays, UPnP, automatic TLS, and of routers and gateways of the public IPFS network. */
const FOREIGN_NETWORKS =
  /RTCPeerConnection|\/mplex\/6|circuit\/relay\/0\.2\.0\/hop|schemas-upnp-org|acme-v02|libp2p-auto-tls|delegated-ipfs|trustless-gateway/

/** Errors are named by their classes. The bundler changes the name of one that speaks of itself, or that is not the only one. */
const RENAMED_ERRORS =
  /\b_LumosError\b|\bLumosError\d|(?:class\s+(?:_\w+|\w+\d)|\d\s*=\s*class)\s+extends\s+LumosError\b/

let folder: string
let tarball: string

const run = async (command: string, args: readonly string[], cwd = folder): Promise<string> => {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(LUMOS_|NODE_OPTIONS|VITEST|npm_)/.test(name))
  )
  const options = { cwd, env: { ...env, LUMOS_HOME: join(folder, 'home') } }
  try {
    return (await promisify(execFile)(command, args, options)).stdout
  } catch (err) {
    // A compiler says on stdout what is wrong.
    throw Object.assign(err as Error, {
      message: `${(err as Error).message}${(err as { stdout: string }).stdout}`
    })
  }
}
const lumos = (...args: string[]): Promise<string> => run('npx', ['--no-install', 'lumos-node', ...args])

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lumos-package-'))
  await run('npm', ['pack', '--pack-destination', folder], ROOT)
  tarball = join(folder, (await readdir(folder)).find(name => name.endsWith('.tgz'))!)
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
  // Nothing that the package needs comes from an install script.
  await run('npm', ['install', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', tarball])
}, INSTALL_TIMEOUT_MS)

afterAll(async () => {
  await lumos('stop').catch(() => {})
  await rm(folder, { recursive: true, force: true })
})

describe('the installed package', () => {
  it('runs a node that reads a digit, and stops it', async () => {
    const started = await lumos('start', '-d', '--json', ...ALONE)
    const { peer_id } = JSON.parse(started)

    const { output, meta } = JSON.parse(await lumos('infer', 'digits-cnn', `@${SEVEN}`, '--json'))
    assert.equal(output.labels[0].label, '7')
    assert.deepEqual([meta.peer, meta.route], [peer_id, 'local'])

    assert.equal(await lumos('infer', 'tiny-llm', 'What is 12 plus 7?'), '12 + 7 = 19\n')

    await lumos('stop')
    await assert.rejects(lumos('status'), { code: 3 })
  })

  it('loads nothing of fetch, a seventh of its memory, until somebody asks over HTTP', async () => {
    const cli = join(folder, 'node_modules/lumos-node/dist/cli.js')
    const child = fork(cli, ['start', ...ALONE, '--home', join(folder, 'lean')], {
      execArgv: ['--import', TELL_LOADED],
      silent: true
    })
    const printed = text(child.stdout!)
    const [{ event }] = (await once(child, 'message')) as [{ event: string }]
    assert.equal(event, 'ready')
    child.kill()
    const loaded = await printed
    assert.match(loaded, /sqlite/)
    assert.doesNotMatch(loaded, /undici/)
  })

  it('is a node inside a program', async () => {
    await writeFile(join(folder, 'program.js'), PROGRAM)
    const printed = await run(process.execPath, ['program.js', join(folder, 'embedded'), SEVEN])
    assert.equal(printed, '7\n')
  })

  it('brings types that hold without skipping the check of any library', async () => {
    const source = join(folder, 'typed')
    await mkdir(source)
    await writeFile(join(source, 'program.ts'), TYPED_PROGRAM)
    const compilerOptions = {
      target: 'es2024',
      lib: ['es2024', 'esnext.disposable', 'dom'],
      module: 'nodenext',
      strict: true,
      noEmit: true,
      types: ['node'],
      typeRoots: [join(ROOT, 'node_modules/@types')]
    }
    await writeFile(join(source, 'tsconfig.json'), JSON.stringify({ compilerOptions }))
    await run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', source])
  })

  it('depends on native code and on the library of its types, and is small', async () => {
    const { dependencies } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'))
    assert.deepEqual(Object.keys(dependencies), ['onnxruntime-node', 'sharp', 'zod'])
    const { size } = await stat(tarball)
    assert.ok(size <= PACKED_BYTES_MAX, `${size} bytes`)
  })

  it('holds nothing of the networks that are installed beside Helia, and errors under their own names', async () => {
    const dist = join(folder, 'node_modules/lumos-node/dist')
    const names = (await readdir(dist, { recursive: true })).filter(name => name.endsWith('.js'))
    assert.ok(names.length > 50)
    for (const name of names) {
      const code = await readFile(join(dist, name), 'utf8')
      const found = FOREIGN_NETWORKS.exec(code) ?? RENAMED_ERRORS.exec(code)
      assert.equal(found, null, `${name}: ${found?.[0]}`)
    }
  })

  it('is packed as every tool expects', async () => {
    const { buffer } = new Uint8Array(await readFile(tarball))
    const { messages } = await publint({ pack: { tarball: buffer } })
    assert.deepEqual(messages, [])
  })
})
