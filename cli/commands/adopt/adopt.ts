/** `adopt [PRODUCT] [--release]`: the ports of other programs that the node answers on. */

import { setTimeout as sleep } from 'node:timers/promises'
import { ADOPTABLE, type Adoptable, type AdoptedPort, PRODUCT_PORTS } from '../../../interface/adoption.ts'
import { LumosError } from '../../../interface/errors.ts'
import type { SnakeCase } from '../../../interface/snake-case.ts'
import { findNode, type NodeClient } from '../../client.ts'
import type { GlobalOptions, Invocation } from '../../invocation.ts'

/** The node itself tries each second. */
const LOOK_MS = 500

interface AdoptOptions extends GlobalOptions {
  readonly port?: number
  readonly release?: boolean
}

type Port = SnakeCase<AdoptedPort>

export async function run({ args, options, output }: Invocation<AdoptOptions>): Promise<void> {
  const product = productOf(args[0], options)
  const node = findNode(options)
  if (product === undefined) {
    const { items } = (await node.execute<{ items: AdoptedPort[] }>('gateway.adopted')).data
    output.data({ items }, () =>
      items.length === 0 ? 'No port of another program.' : items.map(lineOf).join('\n')
    )
    return
  }
  if (options.release) {
    const { data } = await node.execute<{ product: Adoptable; released: boolean }>('gateway.release', {
      product
    })
    output.data(data, () =>
      data.released ? `The port of ${product} is free again.` : `The port of ${product} was not taken.`
    )
    return
  }
  const { port } = options
  const { data } = await node.execute<AdoptedPort>('gateway.adopt', { product, ...(port && { port }) })
  if (data.state === 'waiting') {
    output.note(`Port ${data.port}: ${data.reason}. Stop ${product}, and start it on another port:`)
    output.note(`  ${data.move_command}`)
    output.note('The node takes the port as soon as it is free, also when this command is interrupted.')
  }
  const adopted = data.state === 'waiting' ? await listening(node, product) : data
  output.data(adopted, () => lineOf(adopted))
}

function productOf(given: string | undefined, { port, release }: AdoptOptions): Adoptable | undefined {
  const product = ADOPTABLE.find(name => name === given)
  if (given !== undefined && product === undefined)
    throw new LumosError('USAGE', `${given} is no program whose port is taken.`, {
      hint: `Give one of: ${ADOPTABLE.map(name => `${name} (${PRODUCT_PORTS[name]})`).join(', ')}`
    })
  if (product === undefined && (port !== undefined || release))
    throw new LumosError('USAGE', 'Name the program: ollama or lmstudio.')
  return product
}

async function listening(node: NodeClient, product: Adoptable): Promise<Port> {
  for (;;) {
    await sleep(LOOK_MS)
    const { items } = (await node.execute<{ items: AdoptedPort[] }>('gateway.adopted')).data
    const found = items.find(one => one.product === product)
    if (found === undefined)
      throw new LumosError('CANCELLED', `The port of ${product} was given back meanwhile.`)
    if (found.state === 'listening') return found
  }
}

const lineOf = ({ product, port, state, reason }: Port): string =>
  state === 'listening'
    ? `Port ${port} of ${product} answers for the mesh.`
    : `Port ${port} of ${product} is waited for: ${reason}.`
