/** The tables of weights. Those of the store belong to the home: files outlast a mesh. How many copies are wanted is of one mesh. */

import type { FeatureTables } from '../database/feature-database.ts'

export const WEIGHT_TABLES: FeatureTables = {
  migrations: [
    // `run` counts the starts of the node; `clean`: the last one ended as it should.
    `CREATE TABLE store (
      only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
      id TEXT NOT NULL,
      run INTEGER NOT NULL,
      clean INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE file (
      id INTEGER PRIMARY KEY,
      sha256 TEXT NOT NULL UNIQUE,
      cid TEXT NOT NULL,
      bytes INTEGER NOT NULL,
      dag_bytes INTEGER NOT NULL,
      seal TEXT NOT NULL,
      -- coming: its leaves are not all here; suspect: to be hashed before it is served; bad: problem says why
      state TEXT NOT NULL CHECK (state IN ('coming', 'whole', 'suspect', 'bad')),
      problem TEXT,
      -- of the store, and when
      run INTEGER NOT NULL,
      kept_at_ms INTEGER NOT NULL,
      -- a repository had it once
      claimed INTEGER NOT NULL DEFAULT 0,
      digests BLOB NOT NULL
    ) STRICT;
    CREATE INDEX file_cid ON file (cid);
    CREATE TABLE leaf (
      digest BLOB NOT NULL,
      file INTEGER NOT NULL REFERENCES file ON DELETE CASCADE,
      n INTEGER NOT NULL,
      PRIMARY KEY (digest, file)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX leaf_file ON leaf (file);
    CREATE TABLE node (cid TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
    CREATE TABLE file_node (
      cid TEXT NOT NULL,
      file INTEGER NOT NULL REFERENCES file ON DELETE CASCADE,
      PRIMARY KEY (cid, file)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX file_node_file ON file_node (file);
    CREATE TABLE repository (
      id INTEGER PRIMARY KEY,
      name TEXT NOT NULL UNIQUE COLLATE NOCASE,
      cid TEXT NOT NULL,
      bytes INTEGER NOT NULL,
      envelope BLOB NOT NULL,
      pinned INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE repository_file (
      repository INTEGER NOT NULL REFERENCES repository ON DELETE CASCADE,
      path TEXT NOT NULL,
      file INTEGER NOT NULL REFERENCES file,
      -- of what lies in the directory for engines
      seal TEXT NOT NULL,
      PRIMARY KEY (repository, path)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX repository_file_file ON repository_file (file);
    CREATE TABLE repository_node (
      cid TEXT NOT NULL,
      repository INTEGER NOT NULL REFERENCES repository ON DELETE CASCADE,
      PRIMARY KEY (cid, repository)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX repository_node_repository ON repository_node (repository);`,
    `CREATE TABLE wanted (
      cid TEXT PRIMARY KEY,
      name TEXT NOT NULL,
      bytes INTEGER NOT NULL,
      copies INTEGER NOT NULL,
      at_ms INTEGER NOT NULL,
      teller TEXT NOT NULL,
      refused INTEGER NOT NULL DEFAULT 0,
      seen TEXT NOT NULL DEFAULT '{}'
    ) STRICT;`
  ],
  scopes: {
    store: 'home',
    file: 'home',
    leaf: 'home',
    node: 'home',
    file_node: 'home',
    repository: 'home',
    repository_file: 'home',
    repository_node: 'home',
    wanted: 'mesh'
  }
}
