/**
 * The tables of both databases, as migrations that are only ever appended to.
 *
 * `core.db` holds what cannot be learnt again; each commit to it survives a
 * power cut. `cache.db` holds what other peers can tell us once more.
 */

export const CORE_MIGRATIONS = [
  `CREATE TABLE counter (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
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
  ) STRICT`
] as const
