/**
 * The disk under a process: what it wrote, call by call, and what of that is there after a power cut.
 *
 * Only what was synced is promised to stay, and of names only those whose directory was; the rest may be
 * there, or not, or in part, sector by sector. The calls of SQLite are seen by a small library in C
 * (`disk.c`), for which a compiler is needed, on Linux.
 */

import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Random } from '../../interface/clock.ts'

/** What disks write whole. */
const SECTOR_BYTES = 512

/** The path of the library, or why there is none. */
export function buildDisk(): { library: string } | { missing: string } {
  if (process.platform !== 'linux')
    return { missing: 'the disk under a process can be replaced on Linux only' }
  const library = join(mkdtempSync(join(tmpdir(), 'lumos-disk-')), 'disk.so')
  const source = fileURLToPath(new URL('./disk.c', import.meta.url))
  const { status, error } = spawnSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, source], {
    stdio: ['ignore', 'ignore', 'inherit']
  })
  return status === 0
    ? { library }
    : { missing: `no C compiler: ${error?.message ?? `cc ended with ${status}`}` }
}

/** One call: a file made, written, truncated, synced, renamed or removed; or words of the process (`A`). */
export interface Change {
  readonly kind: 'O' | 'W' | 'T' | 'S' | 'R' | 'U' | 'A'
  /** Offset of what was written, or the size it was cut to. */
  readonly number: number
  readonly path: string
  readonly to: string
  readonly bytes: Buffer
}

export function readTrace(path: string): Change[] {
  const trace = readFileSync(path)
  const changes: Change[] = []
  for (let at = 0; at < trace.length; ) {
    const end = trace.indexOf('\n', at)
    const [, kind, number, length, from, to] = /^(.) (\d+) (\d+) (.*)\t(.*)$/.exec(
      trace.toString('utf8', at, end)
    )!
    at = end + 1 + Number(length)
    const bytes = trace.subarray(end + 1, at)
    changes.push({ kind: kind as Change['kind'], number: Number(number), path: from!, to: to!, bytes })
    at++
  }
  return changes
}

/** Every file under `dir` with its content. */
export function filesIn(dir: string): Map<string, Buffer<ArrayBuffer>> {
  const entries = readdirSync(dir, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
  const paths = entries.map(entry => join(entry.parentPath, entry.name))
  return new Map(paths.map(path => [path, readFileSync(path)]))
}

type Write = Pick<Change, 'kind' | 'number' | 'bytes'>

class TracedFile {
  now = Buffer.alloc(0)
  synced = Buffer.alloc(0)
  unsynced: Write[] = []

  change(write: Write): void {
    this.now = written(this.now, write)
    this.unsynced.push(write)
  }

  sync(): void {
    this.synced = this.now
    this.unsynced = []
  }

  /** Some of what was not synced, in any order a disk may choose, each sector for itself. */
  torn(random: Random): Buffer<ArrayBuffer> {
    let content = this.synced
    for (const write of this.unsynced) {
      if (write.kind === 'T') {
        if (random() < 0.5) content = written(content, write)
        continue
      }
      for (let at = 0; at < write.bytes.length; at += SECTOR_BYTES) {
        if (random() < 0.5) continue
        const bytes = write.bytes.subarray(at, at + SECTOR_BYTES)
        content = written(content, { ...write, number: write.number + at, bytes })
      }
    }
    return content
  }
}

function written(content: Buffer<ArrayBuffer>, { kind, number, bytes }: Write): Buffer<ArrayBuffer> {
  const length = kind === 'T' ? number : Math.max(content.length, number + bytes.length)
  const next = Buffer.alloc(length)
  content.copy(next)
  if (kind === 'W') bytes.copy(next, number)
  return next
}

/** What is left: nothing that was not synced, or all of it, or something between. */
export const LOSSES = ['all', 'some', 'none'] as const
export type Loss = (typeof LOSSES)[number]

export class TracedDisk {
  readonly #home: string
  readonly #now = new Map<string, TracedFile>()
  readonly #durable = new Map<string, TracedFile>()
  /** Names made, moved and removed since their directory was synced. */
  #unsynced: { dir: string; apply(names: Map<string, TracedFile>): void }[] = []

  /** @param files that are durable in the beginning. */
  constructor(home: string, files: ReadonlyMap<string, Buffer<ArrayBuffer>>) {
    this.#home = home
    for (const [path, content] of files) {
      const file = new TracedFile()
      file.now = file.synced = content
      this.#now.set(path, file)
      this.#durable.set(path, file)
    }
  }

  apply({ kind, path, to, ...write }: Change): void {
    const file = this.#now.get(path)
    if (kind === 'S') {
      if (file) file.sync()
      else this.#syncDirectory(path)
    } else if (kind === 'W' || kind === 'T') file?.change({ kind, ...write })
    else if (kind !== 'A') {
      const made = new TracedFile()
      this.#rename(dirname(path), names => {
        if (kind === 'O') names.set(path, made)
        if (kind === 'R' && names.has(path)) names.set(to, names.get(path)!)
        if (kind !== 'O') names.delete(path)
      })
    }
  }

  /** Puts what a power cut leaves at this moment into `target`. The index of a log is never trusted after one. */
  cut(target: string, loss: Loss, random: Random): void {
    const names = new Map(loss === 'none' ? this.#now : this.#durable)
    if (loss === 'some') {
      const kept = Math.floor(random() * (this.#unsynced.length + 1))
      for (const { apply } of this.#unsynced.slice(0, kept)) apply(names)
    }
    for (const [path, file] of names) {
      if (path.endsWith('-shm')) continue
      const left = { all: file.synced, some: file.torn(random), none: file.now }[loss]
      const place = join(target, relative(this.#home, path))
      mkdirSync(dirname(place), { recursive: true, mode: 0o700 })
      writeFileSync(place, left, { mode: 0o600 })
    }
  }

  #rename(dir: string, apply: (names: Map<string, TracedFile>) => void): void {
    apply(this.#now)
    this.#unsynced.push({ dir, apply })
  }

  #syncDirectory(dir: string): void {
    for (const { apply } of this.#unsynced.filter(each => each.dir === dir)) apply(this.#durable)
    this.#unsynced = this.#unsynced.filter(each => each.dir !== dir)
  }
}
