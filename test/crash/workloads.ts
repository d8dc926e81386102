/** Everything that a node stores, step by step, as three lives of a home. */

import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { Key } from 'interface-datastore'
import { systemClock } from '../../interface/clock.ts'
import { LumosError } from '../../interface/errors.ts'
import { LogFile } from '../../node/log/log-file.ts'
import { RootKey } from '../../node/membership/root-key.ts'
import { type Database, openDatabase } from '../../storage/database/database.ts'
import { SqliteDatastore } from '../../storage/database/datastore.ts'
import { CORE_MIGRATIONS } from '../../storage/database/schema.ts'
import { type DataDir, openDataDir } from '../../storage/home/data-dir.ts'
import { makeGatewayToken } from '../../storage/home/gateway-token.ts'
import { JobStore } from '../../storage/jobs/job-store.ts'
import { protectKeys } from '../../storage/keys/key-protection.ts'
import { createKey, isKeyProtected, loadIdentityKey, loadKey } from '../../storage/keys/keychain.ts'
import { ManifestLog } from '../../storage/mesh/manifest-log.ts'
import { MeshStore } from '../../storage/mesh/mesh-store.ts'
import { assertWhole, hexOf, meshText, observeHome } from './observe.ts'
import { ANY, CACHE, type Changes, LOG, NUMBER, type Step, type Workload } from './workload.ts'

const bytes = (fill: number, length = 300): Uint8Array => new Uint8Array(length).fill(fill)
const idOf = (key: Parameters<typeof peerIdFromPrivateKey>[0]): string => peerIdFromPrivateKey(key).toString()

const chain = (fill: number): Uint8Array[] => [bytes(fill), bytes(fill + 1)]
const manifest = (peerId: string, sequence: number) => ({
  peerId,
  epoch: 1,
  sequence,
  hash: `hash ${sequence}`,
  envelope: bytes(sequence, 2000)
})
const RUN_INFO = {
  pid: 1,
  peerId: 'me',
  name: 'den',
  version: '1',
  socketPath: 'x',
  gateway: 'y',
  startedAtMs: 7
}
/** More than one block of reserved ones. */
const NUMBERS_USED = 1200

/** A node's first two days. */
const home: Workload = {
  name: 'home',
  observe: observeHome,
  steps(path) {
    let dataDir: DataDir
    let log: ManifestLog
    const lines = new LogFile()
    let store: MeshStore
    const peers = () => new SqliteDatastore(dataDir.cache)
    const root = () => new RootKey(dataDir.meshRootPath, {})
    const open = async () => {
      dataDir = await openDataDir(path)
      store = new MeshStore(dataDir.core)
      log = new ManifestLog(dataDir.core, dataDir.cache, systemClock)
    }
    const step = (name: string, changes: Changes, run: Step['run']): Step => ({ name, changes, run })
    const telling = (name: string, tells: string, run: Step['run']): Step => ({
      name,
      changes: { [tells]: ANY },
      tells,
      run
    })
    const number: Step = {
      name: 'use numbers up',
      changes: { [NUMBER]: '0' },
      tells: NUMBER,
      run() {
        for (let n = 1; n < NUMBERS_USED; n++) log.nextSequence()
        return log.nextSequence()
      }
    }
    const storeManifest = (peer: string, sequence: number) =>
      step(
        'store a manifest',
        { [`${CACHE}manifest:${peer}`]: `${sequence} ${hexOf([bytes(sequence)])}` },
        () => log.store(manifest(peer, sequence))
      )
    const storeMember = (peer: string, fill: number) =>
      step('store a member', { [`member:${peer}`]: hexOf(chain(fill)) }, () => {
        store.storeMember(peer, chain(fill))
        store.flush()
      })
    const storeInvite = (id: string) =>
      step('store an invitation', { [`invite:${id}`]: 'open' }, () =>
        store.storeInvite({ id, secretHash: 'x', role: 'member', expiresAtMs: 5 })
      )
    const storeJob = (id: string, job: string) =>
      step('store a job', { [`job:${id}`]: job }, () => new JobStore(dataDir.core).store({ id, job }))
    const logLine = (text: string) =>
      step('log a line', { [LOG + text]: 'written' }, () => lines.write(`${text}\n`))

    return [
      { ...step('make the home', {}, open), vital: true },
      step('open the log', {}, () => lines.open(dataDir.logDir)),
      logLine('first'),
      telling('make an identity', 'identity', async () => idOf(await loadIdentityKey(dataDir.identityPath))),
      telling('make a root key', 'root', async () => idOf(await root().create())),
      step('found a mesh', { mesh: meshText('mesh one', 'home', chain(1)) }, () =>
        store.enter({ id: 'mesh one', name: 'home', namedAtMs: 1, chain: chain(1) })
      ),
      telling('choose an epoch', 'epoch', () => log.epoch),
      number,
      telling('make a token', 'token', () => dataDir.gatewayToken()),
      step('tell where the node is', {}, () => dataDir.writeRunFile(RUN_INFO)),
      storeMember('a', 10),
      storeMember('b', 20),
      storeMember('a', 30),
      storeInvite('i'),
      storeInvite('j'),
      step('burn an invitation', { 'invite:i': 'b' }, () => {
        // Nothing is there to burn where the disk refused the invitation itself.
        if (!store.burnInvite('i', 'b')) throw new LumosError('STORE_FAILED', 'It was not stored.')
      }),
      step('store a revocation', { 'revocation:r': hexOf([bytes(40)]) }, () => {
        const revocation = { hash: 'r', subject: 'a', envelope: bytes(40), issuerCertificate: bytes(41) }
        store.storeRevocation(revocation)
        store.flush()
      }),
      storeJob('a', 'begun'),
      storeJob('b', 'begun'),
      storeJob('a', 'with a checkpoint'),
      storeManifest('a', 1),
      storeManifest('b', 1),
      storeManifest('a', 2),
      step('store a peer', { [`${CACHE}/peers/a`]: hexOf([bytes(50)]) }, () =>
        peers().put(new Key('/peers/a'), bytes(50))
      ),
      step(
        'change peers at once',
        { [`${CACHE}/peers/a`]: null, [`${CACHE}/peers/b`]: hexOf([bytes(51)]) },
        () => {
          const batch = peers().batch()
          batch.delete(new Key('/peers/a'))
          batch.put(new Key('/peers/b'), bytes(51))
          return batch.commit()
        }
      ),
      logLine('second'),
      step('stop', {}, () => dataDir.close()),
      { ...step('start again', {}, open), vital: true },
      number,
      step('forget a job', { 'job:a': null }, () => new JobStore(dataDir.core).forget('a')),
      storeJob('b', 'done'),
      step('forget invitations', { 'invite:i': null, 'invite:j': null }, () => store.dropInvites(9)),
      telling('make another token', 'token', () => makeGatewayToken(dataDir.tokenPath)),
      storeMember('c', 60),
      step(
        'enter another mesh',
        {
          mesh: meshText('mesh two', 'office', chain(2)),
          'member:a': null,
          'member:b': null,
          'member:c': null,
          'revocation:r': null
        },
        () => store.enter({ id: 'mesh two', name: 'office', namedAtMs: 2, chain: chain(2) })
      ),
      step('give the root key up', { root: null }, () => root().remove()),
      storeMember('d', 70),
      storeManifest('d', 3)
    ]
  }
}

const PASSPHRASES = ['the first passphrase', 'the second passphrase'] as const

/** Keys that come under a passphrase, under another one, and out of it. */
const keys: Workload = {
  name: 'keys',
  async prepare(path) {
    await using dataDir = await openDataDir(path)
    await createKey(dataDir.identityPath)
    await createKey(dataDir.meshRootPath)
  },
  async observe(path) {
    // A start must get along with whatever the killed process left.
    await (await openDataDir(path))[Symbol.asyncDispose]()
    assert.deepEqual(
      readdirSync(path).filter(name => name.endsWith('.tmp')),
      [],
      'no draft is left'
    )
    return { 'identity.key': await lockOf(path, 'identity.key'), 'root.key': await lockOf(path, ROOT_KEY) }
  },
  steps(path) {
    const step = (name: string, lock: string, passphrases: Parameters<typeof protectKeys>[1]): Step => ({
      name,
      changes: { 'identity.key': lock, 'root.key': lock },
      piecemeal: true,
      vital: true,
      run: () => protectKeys(path, passphrases)
    })
    const [first, second] = PASSPHRASES
    return [
      { name: 'look', changes: { 'identity.key': 'none', 'root.key': 'none' }, run() {} },
      step('protect', first, { next: first }),
      step('change', second, { present: first, next: second }),
      step('unprotect', 'none', { present: second })
    ]
  }
}

const ROOT_KEY = 'mesh-root.key'

/** The passphrase that opens a key; the key itself must never get lost. */
async function lockOf(home: string, name: string): Promise<string> {
  const path = join(home, name)
  if (!isKeyProtected(path)) {
    assert.ok(await loadKey(path), `${name} is there`)
    return 'none'
  }
  for (const passphrase of PASSPHRASES) {
    const opened = await loadKey(path, { passphrase }).catch(() => undefined)
    if (opened !== undefined) return passphrase
  }
  throw new Error(`${name} opens with no passphrase that it ever had`)
}

const NEXT_MIGRATION = 'ALTER TABLE counter ADD COLUMN unit TEXT'

/** A database of an older version that comes to a newer one. */
const migration: Workload = {
  name: 'migration',
  async prepare(path) {
    using old = openDatabase(join(path, 'core.db'), {
      migrations: CORE_MIGRATIONS.slice(0, 1),
      synchronous: 'FULL'
    })
    for (let n = 0; n < 50; n++) old.prepare('INSERT INTO counter VALUES (?, ?)').run(`counter ${n}`, n)
  },
  async observe(path) {
    using database = migrated(path)
    assertWhole(database)
    assert.ok(existsSync(join(path, 'core.db.v1.bak')), 'a copy of the old version is kept')
    const { count } = database.prepare<{ count: number }>('SELECT count(*) AS count FROM counter').get()!
    return { old: String(count), new: String(new MeshStore(database).members().length) }
  },
  steps(path) {
    let database: Database
    const steps: Step[] = [
      {
        name: 'migrate',
        vital: true,
        changes: { old: '50', new: '0' },
        run: () => {
          database = migrated(path)
        }
      },
      {
        name: 'use what is new',
        changes: { new: '1' },
        run() {
          const store = new MeshStore(database)
          store.storeMember('a', chain(1))
          store.flush()
        }
      }
    ]
    return steps
  }
}

const migrated = (path: string): Database =>
  openDatabase(join(path, 'core.db'), {
    migrations: [...CORE_MIGRATIONS, NEXT_MIGRATION],
    synchronous: 'FULL'
  })

export const WORKLOADS: readonly Workload[] = [home, keys, migration]
