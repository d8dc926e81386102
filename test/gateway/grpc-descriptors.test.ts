/**
 * What reflection gives is made of the `.proto` files. Make it anew after a change of them:
 * `npm run test:only -- test/gateway/grpc-descriptors.test.ts -u`
 */

import { createRequire } from 'node:module'
import { join } from 'node:path'
import { expect, it } from 'vitest'

/** What the loader of `.proto` files stands on. */
const ofLoader = createRequire(import.meta.resolve('@grpc/proto-loader'))
const protobuf = ofLoader('protobufjs')
const descriptor = ofLoader('protobufjs/ext/descriptor')

/** As much of descriptors as is put right here. */
interface Message {
  name?: string
  readonly options?: { readonly mapEntry?: boolean }
  readonly nestedType?: readonly Message[]
  readonly enumType?: readonly { readonly name: string }[]
  readonly field?: readonly { name: string; typeName?: string }[]
}
interface File {
  readonly package: string
  readonly messageType?: readonly Message[]
  readonly enumType?: readonly { readonly name: string }[]
  readonly service?: readonly {
    readonly name: string
    readonly method?: readonly { readonly name: string; inputType: string; outputType: string }[]
  }[]
}

const FOLDER = join(import.meta.dirname, '../../gateway/grpc')
const STRUCT = 'google/protobuf/struct.proto'

/** By package: the name that programs know the file by, and what it imports. */
const FILES: Readonly<Record<string, { name: string; from?: string; imports?: string[] }>> = {
  'google.protobuf': { name: STRUCT },
  'aima.v2': { name: 'aima.proto', from: 'aima.proto', imports: [STRUCT] },
  'grpc.health.v1': { name: 'grpc/health/v1/health.proto', from: 'health.proto' },
  'grpc.reflection.v1': { name: 'grpc/reflection/v1/reflection.proto', from: 'reflection.proto' },
  'grpc.reflection.v1alpha': { name: 'grpc/reflection/v1alpha/reflection.proto', from: 'reflection.proto' }
}

const snakeCase = (name: string): string => name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)

/** The library names types as they were written, and entries of maps by their field. */
function qualify(message: Message, scope: string, pack: string, known: ReadonlySet<string>): void {
  const inner = `${scope}.${message.name}`
  for (const nested of message.nestedType ?? []) {
    if (nested.options?.mapEntry) nested.name = `${nested.name}Entry`
    qualify(nested, inner, pack, known)
  }
  for (const field of message.field ?? []) {
    field.name = snakeCase(field.name)
    if (!field.typeName) continue
    const places = [`${inner}.${field.typeName}Entry`, `${inner}.${field.typeName}`]
    const place = places.find(name => known.has(name))
    const isWhole = field.typeName.includes('.')
    field.typeName = place ?? (isWhole ? `.${field.typeName}` : `${pack}.${field.typeName}`)
  }
}

function namesIn(message: Message, scope: string): string[] {
  const inner = `${scope}.${message.name}`
  const isUnnamed = ({ name, options }: Message) => options?.mapEntry && !name!.endsWith('Entry')
  const nested = (message.nestedType ?? []).flatMap(one =>
    namesIn(isUnnamed(one) ? { ...one, name: `${one.name}Entry` } : one, inner)
  )
  return [inner, ...nested, ...(message.enumType ?? []).map(({ name }) => `${inner}.${name}`)]
}

async function describe(pack: string): Promise<object> {
  const { name, from = 'aima.proto', imports = [] } = FILES[pack]!
  const root = new protobuf.Root()
  await root.load(join(FOLDER, from), { keepCase: true })
  root.resolveAll()
  const { file } = root.toDescriptor('proto3') as { file: File[] }
  const read = pack.endsWith('alpha') ? pack.replace('alpha', '') : pack
  const found = file.find(one => one.package === read)!
  const messages = found.messageType ?? []
  const known = new Set(messages.flatMap(message => namesIn(message, `.${read}`)))
  for (const message of messages) qualify(message, `.${read}`, `.${read}`, known)
  // Of methods they are whole where their file names a package.
  const whole = (type: string) => (type.startsWith('.') ? type : `.${read}.${type}`)
  for (const service of found.service ?? [])
    for (const method of service.method ?? []) {
      method.inputType = whole(method.inputType)
      method.outputType = whole(method.outputType)
    }
  const json = JSON.stringify(
    descriptor.FileDescriptorProto.fromObject({ ...found, name, dependency: imports })
  )
  const text = read === pack ? json : json.replaceAll(read, pack)
  const described = descriptor.FileDescriptorProto.fromObject(JSON.parse(text))
  const services = (found.service ?? []).map(service => `${pack}.${service.name}`)
  const enums = (found.enumType ?? []).map(one => `${pack}.${one.name}`)
  const types = [...messages.flatMap(message => namesIn(message, pack)), ...enums]
  const methods = (found.service ?? []).flatMap(({ name, method }) =>
    (method ?? []).map(one => `${pack}.${name}.${one.name}`)
  )
  const bytes = descriptor.FileDescriptorProto.encode(described).finish()
  return {
    name,
    services,
    symbols: [...services, ...methods, ...types],
    base64: Buffer.from(bytes).toString('base64')
  }
}

it('the descriptors of reflection are those of the .proto files', async () => {
  const files = await Promise.all(Object.keys(FILES).map(describe))
  const text = `/** Made of the \`.proto\` files by \`npm run test:only -- test/gateway/grpc-descriptors.test.ts -u\`. */

export interface DescribedFile {
  readonly name: string
  readonly services: readonly string[]
  /** All that it describes. */
  readonly symbols: readonly string[]
  /** Its \`FileDescriptorProto\`. */
  readonly base64: string
}

export const FILES: readonly DescribedFile[] = ${JSON.stringify(files, null, 2)}
`
  await expect(text).toMatchFileSnapshot(join(FOLDER, 'descriptors.generated.ts'))
})
