/**
 * Files of kept answers: a salt, then encrypted records, each with its length before it.
 *
 * The key of a file comes of the device's key and the salt. `erase` overwrites the salt, so that no device, this one
 * included, opens what a disk still has of a deleted file. Records are written without an fsync, which the end of a process
 * does not need: what was written before a kill is there. Power that fails may take the last seconds.
 */

import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'

const MAGIC = Buffer.from('lumos answer 1\n\0')
const SALT_BYTES = 32
const HEAD_BYTES = MAGIC.byteLength + SALT_BYTES
const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16
const LENGTH_BYTES = 4
const CIPHER = 'aes-256-gcm'
/** Of a file that is read: above what an answer with its note may take. */
const FILE_BYTES_MAX = 64 * 1024 * 1024
const NAME = /^[ao]-[0-9a-f]{32}$/

/** What is known of a file without reading it. */
export interface FoundAnswer {
  readonly name: string
  readonly bytes: number
  readonly changedAtMs: number
}

/** Those in the folder, which may not be there. */
export async function foundAnswers(directory: string): Promise<FoundAnswer[]> {
  const names = await readdir(directory).catch(() => [])
  const found = names
    .filter(name => NAME.test(name))
    .map(async name => {
      const file = await stat(join(directory, name)).catch(() => undefined)
      return file && { name, bytes: file.size, changedAtMs: Math.round(file.mtimeMs) }
    })
  return (await Promise.all(found)).filter(file => file !== undefined)
}

export class AnswerFile {
  readonly #file: FileHandle
  readonly #key: Uint8Array
  #records: number
  #bytes: number

  private constructor(file: FileHandle, key: Uint8Array, records: number, bytes: number) {
    this.#file = file
    this.#key = key
    this.#records = records
    this.#bytes = bytes
  }

  get bytes(): number {
    return this.#bytes
  }

  static async create(directory: string, name: string, deviceKey: Uint8Array): Promise<AnswerFile> {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    const salt = randomBytes(SALT_BYTES)
    const file = await open(join(directory, name), 'wx', 0o600)
    await file.write(Buffer.concat([MAGIC, salt]), 0, HEAD_BYTES, 0)
    return new AnswerFile(file, keyOf(deviceKey, salt), 0, HEAD_BYTES)
  }

  /** To go on after the records that are there; a half record at the end is written over. */
  static async reopen(directory: string, name: string, deviceKey: Uint8Array): Promise<AnswerFile> {
    const file = await open(join(directory, name), 'r+')
    const { key, records, bytes } = parse(await contentOf(file), deviceKey)
    await file.truncate(bytes)
    return new AnswerFile(file, key, records.length, bytes)
  }

  async append(record: Uint8Array): Promise<void> {
    const box = seal(this.#key, this.#records++, record)
    await this.#file.write(box, 0, box.byteLength, this.#bytes)
    this.#bytes += box.byteLength
  }

  /** After the last record. */
  async close(): Promise<void> {
    await this.#file.datasync().catch(() => {})
    await this.#file.close()
  }
}

/** The records of a file. A half record at the end, or one that was changed, ends them. */
export async function answerRecords(
  directory: string,
  name: string,
  deviceKey: Uint8Array
): Promise<Uint8Array[]> {
  const file = await open(join(directory, name), 'r')
  try {
    return parse(await contentOf(file), deviceKey).records
  } finally {
    await file.close()
  }
}

export async function eraseAnswer(directory: string, name: string): Promise<void> {
  const path = join(directory, name)
  const file = await open(path, 'r+').catch(() => undefined)
  if (file === undefined) return
  try {
    await file.write(new Uint8Array(SALT_BYTES), 0, SALT_BYTES, MAGIC.byteLength)
    await file.datasync()
  } finally {
    await file.close()
    await unlink(path)
  }
}

async function contentOf(file: FileHandle): Promise<Buffer> {
  const { size } = await file.stat()
  const content = Buffer.alloc(Math.min(size, FILE_BYTES_MAX))
  const { bytesRead } = await file.read(content, 0, content.byteLength, 0)
  return content.subarray(0, bytesRead)
}

function parse(content: Buffer, deviceKey: Uint8Array) {
  const records: Uint8Array[] = []
  const key = keyOf(deviceKey, content.subarray(MAGIC.byteLength, HEAD_BYTES))
  let at = HEAD_BYTES
  while (at + LENGTH_BYTES <= content.byteLength) {
    const end = at + LENGTH_BYTES + content.readUInt32BE(at)
    if (end > content.byteLength) break
    const record = unseal(key, records.length, content.subarray(at + LENGTH_BYTES, end))
    if (record === undefined) break
    records.push(record)
    at = end
  }
  return { key, records, bytes: at }
}

const keyOf = (deviceKey: Uint8Array, salt: Uint8Array): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', deviceKey, salt, 'lumos/answers/file/1', KEY_BYTES))

/** A record opens at its own place only, so records cannot change places. */
const place = (number: number): Buffer => Buffer.from(`record ${number}`)

function seal(key: Uint8Array, number: number, record: Uint8Array): Uint8Array {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(CIPHER, key, nonce).setAAD(place(number))
  const body = [nonce, cipher.update(record), cipher.final(), cipher.getAuthTag()]
  const length = Buffer.alloc(LENGTH_BYTES)
  length.writeUInt32BE(NONCE_BYTES + record.byteLength + TAG_BYTES)
  return Buffer.concat([length, ...body])
}

function unseal(key: Uint8Array, number: number, box: Buffer): Uint8Array | undefined {
  if (box.byteLength < NONCE_BYTES + TAG_BYTES) return undefined
  try {
    const decipher = createDecipheriv(CIPHER, key, box.subarray(0, NONCE_BYTES)).setAAD(place(number))
    decipher.setAuthTag(box.subarray(-TAG_BYTES))
    return new Uint8Array(
      Buffer.concat([decipher.update(box.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()])
    )
  } catch {
    return undefined
  }
}
