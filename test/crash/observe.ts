/** Looks at a home as the next process would find it: by opening it with the real code. */

import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { systemClock } from '../../interface/clock.ts'
import type { Database } from '../../storage/database/database.ts'
import { SqliteDatastore } from '../../storage/database/datastore.ts'
import { type DataDir, openDataDir } from '../../storage/home/data-dir.ts'
import { readGatewayToken } from '../../storage/home/gateway-token.ts'
import { JobStore } from '../../storage/jobs/job-store.ts'
import { loadKey } from '../../storage/keys/keychain.ts'
import { ManifestLog } from '../../storage/mesh/manifest-log.ts'
import { MeshStore } from '../../storage/mesh/mesh-store.ts'
import { CACHE, LOG, NUMBER } from './workload.ts'

/** Everything that a closed home may hold. */
const NAMES =
  /^(format|lock\.db|(core|cache)\.db|core\.db\.v\d+\.bak|cache\.db\.damaged-\d|identity\.key|mesh-root\.key|gateway\.token|models|logs|lumos\.log|lumos\.\d\.log)$/

export async function observeHome(home: string): Promise<Record<string, string>> {
  checkRunFile(join(home, 'run.json'))
  const contents: Record<string, string> = {}
  {
    await using dataDir = await openDataDir(home)
    for (const database of [dataDir.core, dataDir.cache]) assertWhole(database)
    checkModes(home)
    await readKeys(dataDir, contents)
    readMesh(dataDir, contents)
    await readCache(dataDir, contents)
    readFiles(dataDir, contents)
  }
  const strange = readdirSync(home, { recursive: true }).filter(
    name => !NAMES.test(String(name).split('/').pop()!)
  )
  assert.deepEqual(strange, [], 'files that nobody needs are left')
  return contents
}

export function assertWhole(database: Database): void {
  const verdict = database.prepare<{ integrity_check: string }>('PRAGMA integrity_check').get()
  assert.equal(verdict?.integrity_check, 'ok', database.path)
}

/** Those who look for the node read it at any time, so it is whole at any time. */
function checkRunFile(path: string): void {
  if (existsSync(path)) assert.ok(JSON.parse(readFileSync(path, 'utf8')).startedAtMs, 'run.json is whole')
}

/** The user of engines may read `models`, which earlier versions made private; the home above it is private. */
function checkModes(home: string): void {
  for (const name of readdirSync(home, { recursive: true })) {
    const stats = statSync(join(home, String(name)))
    const modes = name === 'models' ? ['755', '700'] : stats.isDirectory() ? ['700'] : ['600']
    assert.ok(modes.includes((stats.mode & 0o777).toString(8)), `mode of ${name}`)
  }
}

async function readKeys(dataDir: DataDir, contents: Record<string, string>): Promise<void> {
  for (const [name, path] of [
    ['identity', dataDir.identityPath],
    ['root', dataDir.meshRootPath]
  ] as const) {
    const key = await loadKey(path)
    if (key !== undefined) contents[name] = peerIdFromPrivateKey(key).toString()
  }
}

function readMesh(dataDir: DataDir, contents: Record<string, string>): void {
  const store = new MeshStore(dataDir.core)
  const mesh = store.mesh()
  if (mesh !== undefined) contents.mesh = meshText(mesh.id, mesh.name, mesh.chain)
  for (const { peerId, chain } of store.members()) contents[`member:${peerId}`] = hexOf(chain)
  for (const { hash, envelope } of store.revocations()) contents[`revocation:${hash}`] = hexOf([envelope])
  for (const { id, job } of new JobStore(dataDir.core).all()) contents[`job:${id}`] = job
  for (const { id, usedBy } of store.invites()) contents[`invite:${id}`] = usedBy ?? 'open'

  const counters = dataDir.core.prepare<{ name: string; value: number }>('SELECT * FROM counter').all()
  const epoch = counters.find(({ name }) => name === 'manifest.epoch')
  if (epoch !== undefined) contents.epoch = String(epoch.value)
  if (counters.some(({ name }) => name === 'manifest.sequence')) {
    const log = new ManifestLog(dataDir.core, dataDir.cache, systemClock)
    contents[NUMBER] = String(log.nextSequence() - 1)
  }
}

async function readCache({ core, cache }: DataDir, contents: Record<string, string>): Promise<void> {
  for (const { peerId, sequence, envelope } of new ManifestLog(core, cache, systemClock).all()) {
    contents[`${CACHE}manifest:${peerId}`] = `${sequence} ${hexOf([envelope])}`
  }
  for await (const { key, value } of new SqliteDatastore(cache).query({})) {
    contents[CACHE + key.toString()] = hexOf([value])
  }
}

function readFiles({ tokenPath, logDir }: DataDir, contents: Record<string, string>): void {
  if (existsSync(tokenPath)) contents.token = readGatewayToken(tokenPath) ?? ''
  const log = join(logDir, 'lumos.log')
  if (!existsSync(log)) return
  for (const line of readFileSync(log, 'utf8').split('\n').slice(0, -1)) contents[LOG + line] = 'written'
}

export const meshText = (id: string, name: string, chain: readonly Uint8Array[]): string =>
  `${id} ${name} ${hexOf(chain)}`

export const hexOf = (parts: readonly Uint8Array[]): string =>
  parts.map(part => Buffer.from(part).toString('hex').slice(0, 32)).join(' ')
