/**
 * `npm run demo`: three nodes on this machine, each with a home of its own.
 * One can read digits, one can talk back, one can do nothing but ask. The first
 * founds a mesh and lets the others in.
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { styleText } from 'node:util'
import type { InferenceRoute, LumosNode } from '../interface/node.ts'
import type { TaskOutput } from '../interface/tasks/index.ts'
import { createLumosNode } from '../node/create-node.ts'

/** A handwritten seven, eight by eight: each character is a pixel, from dark to bright. */
const SEVEN = ['  -@##%.', '  %::%: ', ' .= *=  ', '   .#.  ', ' .+%@#  ', ' :-%.:. ', '  -=    ', '  *:    ']
/** The same picture, as a PNG. */
const SEVEN_PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAAAAADhZOFXAAAAQElEQVR4nAXBARGAIBAAsB0JPgImkShEoIIJjGAUIiAJiGAE3FD36CuwSvkKonkakEdAvtfuJHnGcQXUBonzhR+r5Q/bsQAC1gAAAABJRU5ErkJggg=='
/** Nodes on one machine know each other within milliseconds; a minute means that something is broken. */
const DEMO_TIMEOUT_MS = 60_000

/** The models that ship with the node. As its demonstrations they would be offered to no other device. */
const MODELS = fileURLToPath(new URL('../models', import.meta.url))

const signal = AbortSignal.timeout(DEMO_TIMEOUT_MS)
const say = (text = ''): void => console.log(text)
const title = (text: string): void => say(`\n${styleText('bold', text)}`)

const homes = await mkdtemp(join(tmpdir(), 'lumos-demo-'))
try {
  await using den = await startNode('den', { 'models.directories': [MODELS] })
  await using attic = await startNode('attic', { 'engines.echo': true })
  await using laptop = await startNode('laptop', {})

  title('Three nodes')
  for (const node of [den, attic, laptop]) say(`  ${node.name.padEnd(8)} ${node.peerId}`)

  title('den lets the others in, each with a code of its own')
  for (const node of [attic, laptop]) {
    const { name, mesh, role, phrase } = await node.mesh.join(den.mesh.invite().code)
    say(`  ${name.padEnd(8)} is a ${role} of "${mesh}"; both screens show: ${phrase}`)
  }
  await until(laptop, () => laptop.peers().length === 2)

  title('What laptop sees')
  for (const { name, path, rttMs } of laptop.peers()) {
    say(`  ${name.padEnd(8)} over ${path}${rttMs === null ? '' : `, ${rttMs.toFixed(1)} ms away`}`)
  }
  for (const { model, task, providers } of laptop.models()) {
    say(`  ${model} does ${task} on ${providers.map(({ name }) => name).join(', ')}`)
  }

  title('laptop asks: which digit is this?')
  for (const row of SEVEN) say(`    ${[...row].map(pixel => pixel.repeat(2)).join('')}`)
  await classify(laptop, Buffer.from(SEVEN_PNG, 'base64'))

  title('laptop asks: say something')
  await talk(laptop, 'Three devices, one mesh, and nobody in the middle.')
} finally {
  await rm(homes, { recursive: true, force: true })
}
// Libraries leave timers of a second behind; nothing of ours is under way.
process.exit()

async function startNode(name: string, settings: Record<string, unknown>): Promise<LumosNode> {
  const node = await createLumosNode({
    home: join(homes, name),
    settings: {
      name,
      // A mesh of their own, out of sight of any other node on the network.
      'mesh.name': 'demo',
      'swarm.host': '127.0.0.1',
      'swarm.port': 0,
      'swarm.mdns': false,
      'models.builtin': false,
      ...settings
    }
  })
  await node.start()
  return node
}

/** Waits for news of peers until `condition` holds. */
async function until(node: LumosNode, condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise((resolve, reject) => {
      node.events.addEventListener('manifest.updated', resolve, { once: true, signal })
      node.events.addEventListener('peer.joined', resolve, { once: true, signal })
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    })
  }
}

async function classify(asker: LumosNode, image: Uint8Array): Promise<void> {
  const { onRoute, answeredBy } = routeTeller()
  for await (const chunk of asker.infer(
    { model: 'digits-cnn', task: 'image-classification', input: { image } },
    { onRoute, signal }
  )) {
    if (chunk.type !== 'output') continue
    const { labels } = chunk.output as TaskOutput<'image-classification'>
    for (const { label, score } of labels.slice(0, 3)) {
      say(`  ${label}  ${'█'.repeat(Math.ceil(score * 40))} ${(score * 100).toFixed(1)} %`)
    }
  }
  say(answeredBy())
}

async function talk(asker: LumosNode, content: string): Promise<void> {
  const { onRoute, answeredBy } = routeTeller()
  process.stdout.write('  ')
  for await (const chunk of asker.infer(
    { task: 'text-generation', input: { messages: [{ role: 'user', content }] } },
    { onRoute, signal }
  )) {
    if (chunk.type === 'text') process.stdout.write(chunk.text)
  }
  say()
  say(answeredBy())
}

function routeTeller() {
  const begunMs = performance.now()
  let chosen: InferenceRoute | undefined
  return {
    onRoute(route: InferenceRoute) {
      chosen = route
    },
    answeredBy: () =>
      styleText(
        'dim',
        `  answered by ${chosen?.name} (${chosen?.route}) with ${chosen?.model} in ${(performance.now() - begunMs).toFixed(0)} ms`
      )
  }
}
