/**
 * The tables of both databases, as migrations that are only ever appended to.
 *
 * `core.db` holds what cannot be learnt again; each commit to it survives a
 * power cut. `cache.db` holds what can be learnt or measured once more.
 */

/** `mesh`: emptied when the node enters another mesh. `home`: kept as long as the home. */
export type TableScope = 'home' | 'mesh'

/** Every table of `core.db`. A test compares this with the file. */
export const CORE_TABLES: Readonly<Record<string, TableScope>> = {
  counter: 'home',
  mesh: 'mesh',
  member: 'mesh',
  revocation: 'mesh',
  invite: 'mesh',
  // A model that was withdrawn stays so; the store of offers forgets the others.
  offer: 'home',
  job: 'home'
}

export const CORE_MIGRATIONS = [
  `CREATE TABLE counter (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID`,

  // Certificates and revocations are kept as they were signed.
  `CREATE TABLE mesh (
    only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    named_at_ms INTEGER NOT NULL,
    certificate BLOB NOT NULL,
    issuer_certificate BLOB
  ) STRICT;

  CREATE TABLE member (
    peer_id TEXT PRIMARY KEY,
    certificate BLOB NOT NULL,
    issuer_certificate BLOB
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE revocation (
    hash TEXT PRIMARY KEY,
    subject TEXT NOT NULL,
    envelope BLOB NOT NULL,
    issuer_certificate BLOB
  ) STRICT, WITHOUT ROWID;

  -- The secret itself is never kept: only its hash.
  CREATE TABLE invite (
    id TEXT PRIMARY KEY,
    secret_hash TEXT NOT NULL,
    role TEXT NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    used_by TEXT
  ) STRICT, WITHOUT ROWID`,

  // Only what the owner said while the node ran; the settings say the rest.
  `CREATE TABLE offer (
    model TEXT PRIMARY KEY,
    access TEXT NOT NULL,
    withdrawn INTEGER NOT NULL CHECK (withdrawn IN (0, 1))
  ) STRICT, WITHOUT ROWID`,

  // One JSON a job, which is written whole.
  `CREATE TABLE job (
    id TEXT PRIMARY KEY,
    job TEXT NOT NULL
  ) STRICT, WITHOUT ROWID`
] as const

export const CACHE_MIGRATIONS = [
  // Keys are the UTF-8 of a datastore key, so that a prefix is a range.
  `CREATE TABLE datastore (
    key BLOB PRIMARY KEY,
    value BLOB NOT NULL
  ) STRICT, WITHOUT ROWID;

  -- Each change gives a new, higher id: the lowest is the one longest unchanged.
  CREATE TABLE accepted_manifest (
    id INTEGER PRIMARY KEY,
    peer_id TEXT NOT NULL UNIQUE,
    epoch INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    hash TEXT NOT NULL,
    envelope BLOB NOT NULL
  ) STRICT`,

  // What a model took when it was loaded last. Each change gives a new, higher id.
  `CREATE TABLE footprint (
    id INTEGER PRIMARY KEY,
    model TEXT NOT NULL UNIQUE,
    file_bytes INTEGER NOT NULL,
    bytes INTEGER NOT NULL
  ) STRICT`,

  // What was measured of a model, as JSON. Each change gives a new, higher id.
  `CREATE TABLE measurement (
    id INTEGER PRIMARY KEY,
    model TEXT NOT NULL,
    what TEXT NOT NULL,
    basis TEXT NOT NULL,
    value TEXT NOT NULL,
    UNIQUE (model, what)
  ) STRICT;

  INSERT INTO measurement (model, what, basis, value)
    SELECT model, 'bytes', CAST(file_bytes AS TEXT), CAST(bytes AS TEXT) FROM footprint ORDER BY id;
  DROP TABLE footprint`
] as const
