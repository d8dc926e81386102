/**
 * The process that reads files of people, which strangers may have made. It has no home, no key and no node: it gets bytes
 * and gives text. However busy it is, a thread of it ends it where it takes too much memory, or its node is gone.
 */

import { Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import { toLumosError } from '../../../../interface/errors.ts'
import { FILE_BYTES_MAX } from '../../../../interface/memory-files.ts'
import { ANSWER_FD, encodeMessage, type Message, MessageReader } from './messages.ts'
import { readFile } from './read-file.ts'

/** A PDF that unpacks itself grows by 10 MB in this time. */
const WATCH_EVERY_MS = 20

const memoryBytesMax = Number(process.argv[2])
const watch = `
  const parent = process.ppid
  setInterval(() => {
    if (process.memoryUsage.rss() > ${memoryBytesMax} || process.ppid !== parent) process.kill(process.pid, 'SIGKILL')
  }, ${WATCH_EVERY_MS})`
new Worker(watch, { eval: true }).unref()

const answers = new Socket({ fd: ANSWER_FD, readable: false, writable: true })
const messages = new MessageReader(FILE_BYTES_MAX)
let last = Promise.resolve()
process.stdin.on('data', (part: Buffer) => {
  for (const message of messages.push(part)) last = last.then(() => answer(message))
})
process.stdin.on('end', () => process.exit())

async function answer({ head, body }: Message): Promise<void> {
  try {
    // Libraries take the buffer that they are given.
    const { pieces, ...file } = await readFile((head as { name: string }).name, new Uint8Array(body))
    say(file, Buffer.from(JSON.stringify(pieces)))
  } catch (thrown) {
    const { code, message } = toLumosError(thrown)
    say({ code, message }, new Uint8Array())
  }
}

function say(head: unknown, body: Uint8Array): void {
  for (const part of encodeMessage(head, body)) answers.write(part)
}
