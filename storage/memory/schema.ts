/**
 * The tables of `memory.db`, which the thread of memory owns. What people wrote, the names of spaces and documents included,
 * is in boxes: `sealed` of a space opens with the key of the device, each other box with a key of its space.
 */

export const MEMORY_MIGRATIONS: readonly string[] = [
  // `file` tells a copy of the home: the number and birth of the database's file.
  `CREATE TABLE home (only_one INTEGER PRIMARY KEY CHECK (only_one = 1), file TEXT NOT NULL) STRICT;
  CREATE TABLE space (
    id INTEGER PRIMARY KEY,
    name BLOB NOT NULL UNIQUE,
    -- what this device calls it, and its newest key
    sealed BLOB NOT NULL,
    -- the life in which this device writes to it
    life TEXT NOT NULL,
    -- forgotten here, or everywhere: it does not come back
    gone INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE TABLE charter (
    space INTEGER NOT NULL REFERENCES space ON DELETE CASCADE,
    version INTEGER NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (space, version)
  ) STRICT;
  CREATE TABLE writer (
    id INTEGER PRIMARY KEY,
    space INTEGER NOT NULL REFERENCES space ON DELETE CASCADE,
    device TEXT NOT NULL,
    life TEXT NOT NULL,
    client INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    hash BLOB NOT NULL,
    clock INTEGER NOT NULL,
    -- two envelopes of this number were signed
    frozen INTEGER,
    UNIQUE (space, device, life),
    UNIQUE (space, client)
  ) STRICT;
  CREATE TABLE envelope (
    -- in the order in which they were applied here
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    space INTEGER NOT NULL REFERENCES space ON DELETE CASCADE,
    writer INTEGER NOT NULL REFERENCES writer ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    hash BLOB NOT NULL,
    clock INTEGER NOT NULL,
    tag BLOB NOT NULL,
    head BLOB NOT NULL,
    signature BLOB NOT NULL,
    -- none where its document was forgotten
    box BLOB,
    UNIQUE (writer, seq)
  ) STRICT;
  CREATE INDEX envelope_tag ON envelope (space, tag, id);
  CREATE INDEX envelope_order ON envelope (space, id, writer, seq);
  -- the two envelopes that froze a writer, as they came
  CREATE TABLE proof (
    writer INTEGER NOT NULL REFERENCES writer ON DELETE CASCADE,
    hash BLOB NOT NULL,
    wire BLOB NOT NULL,
    PRIMARY KEY (writer, hash)
  ) STRICT;
  CREATE TABLE doc (
    space INTEGER NOT NULL REFERENCES space ON DELETE CASCADE,
    tag BLOB NOT NULL,
    sealed BLOB NOT NULL,
    -- its state after all envelopes up to this one
    snapshot BLOB,
    upto INTEGER NOT NULL,
    entries INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    -- of its readable content, when nothing came since
    hash BLOB,
    PRIMARY KEY (space, tag)
  ) STRICT;
  CREATE TABLE checkpoint (
    space INTEGER PRIMARY KEY REFERENCES space ON DELETE CASCADE,
    record BLOB NOT NULL
  ) STRICT;
  CREATE TABLE piece (
    space INTEGER NOT NULL REFERENCES space ON DELETE CASCADE,
    hash BLOB NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (space, hash)
  ) STRICT;
  -- what other devices said that they have
  CREATE TABLE acknowledged (
    space INTEGER NOT NULL REFERENCES space ON DELETE CASCADE,
    device TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    heads BLOB NOT NULL,
    PRIMARY KEY (space, device)
  ) STRICT;
  CREATE TABLE poison (
    hash BLOB PRIMARY KEY,
    why TEXT NOT NULL
  ) STRICT;`,
  // Of texts that a search has made: it is as well without them.
  `CREATE TABLE vectors (
    id INTEGER PRIMARY KEY,
    space INTEGER NOT NULL REFERENCES space ON DELETE CASCADE,
    tag BLOB NOT NULL,
    box BLOB NOT NULL
  ) STRICT;
  CREATE INDEX vectors_tag ON vectors (space, tag);`,
  // Of spaces that this device carries: their newest key, as `giver` has sealed it to `device`.
  `CREATE TABLE carried_key (
    space INTEGER NOT NULL REFERENCES space ON DELETE CASCADE,
    device TEXT NOT NULL,
    giver TEXT NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (space, device, giver)
  ) STRICT;`,
  // What each writer has in the checkpoint, and which one made a document: none has more than its share.
  `CREATE TABLE live (
    space INTEGER NOT NULL REFERENCES space ON DELETE CASCADE,
    tag BLOB NOT NULL,
    writer INTEGER NOT NULL REFERENCES writer ON DELETE CASCADE,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (space, tag, writer)
  ) STRICT;
  ALTER TABLE doc ADD COLUMN maker INTEGER;`
]
