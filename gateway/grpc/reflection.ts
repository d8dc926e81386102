/** `grpc.reflection`: programs such as grpcurl ask by it what there is to call. */

import { FILES } from './descriptors.generated.ts'
import { textsOf } from './messages.ts'
import type { Method, Methods } from './method.ts'
import { delimited, fieldsOf, integer, text, textOf } from './wire.ts'

const REQUEST_BYTES_MAX = 1024
const NOT_FOUND = 5
const UNIMPLEMENTED = 12
/** Of a request. */
const FILE = 3
const SYMBOL = 4
const LIST = 7

const SERVICES = FILES.flatMap(({ services }) => services)

const info: Method = async ({ call }) => {
  for await (const request of call.messages(() => REQUEST_BYTES_MAX))
    await call.send(
      Buffer.concat([text(1, textsOf(request, 1)[0]!), delimited(2, request), answerTo(request)])
    )
}

function answerTo(request: Buffer): Buffer {
  const asked = [...fieldsOf(request)].find(({ number }) => number >= FILE)
  if (asked?.number === LIST)
    return delimited(6, Buffer.concat(SERVICES.map(name => delimited(1, text(1, name)))))
  if (asked?.number !== FILE && asked?.number !== SYMBOL)
    return failure(UNIMPLEMENTED, 'There is nothing of that kind.')
  const name = textOf(asked)
  const file = FILES.find(file => (asked.number === FILE ? file.name === name : file.symbols.includes(name)))
  if (file === undefined) return failure(NOT_FOUND, 'There is no such file or symbol.')
  return delimited(4, delimited(1, Buffer.from(file.base64, 'base64')))
}

const failure = (code: number, words: string): Buffer =>
  delimited(7, Buffer.concat([integer(1, code), text(2, words)]))

export const REFLECTION_METHODS: Methods = {
  '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo': info,
  // The same messages under the name that older programs ask by.
  '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo': info
}
