-- Runs, their journals and their large values.
--
-- The tenant stands in every key, so that a database of many tenants is the
-- same database. Nothing is stored that the journal says already: the length
-- of a journal is its last number plus one, and how a run stands is for its
-- reader to fold. A lease is part of the run's row, because it has to be there
-- before anyone can race for it; its fence outlives the holder, so that a
-- process that slept through a takeover is refused. `moved` is 1 where large
-- strings of the body went to `blobs` and `{"$blob": digest}` stands for them.
CREATE TABLE runs (
    tenant        TEXT    NOT NULL,
    run           TEXT    NOT NULL,
    name          TEXT    NOT NULL,
    created_at_us INTEGER NOT NULL,
    wake_at_us    INTEGER,
    owner         TEXT,
    fence         INTEGER NOT NULL CHECK (fence >= 0),
    expires_at_us INTEGER NOT NULL,
    PRIMARY KEY (tenant, run)
) STRICT, WITHOUT ROWID;

-- For lists, the newest first, page by page without counting off.
CREATE INDEX runs_by_age ON runs (tenant, created_at_us, run);
CREATE INDEX runs_by_name ON runs (tenant, name, created_at_us, run);

-- For whoever takes up what is due; runs that wait for no time are not in it.
CREATE INDEX runs_to_wake ON runs (wake_at_us, tenant, run) WHERE wake_at_us IS NOT NULL;

-- With a rowid: a commit then writes the bodies of all its runs one behind the
-- other and only the small keys in a thousand places. Measured against WITHOUT
-- ROWID, 3 records each for 1,000 runs in one commit take 34 ms instead of 86;
-- one run alone appends and loads equally fast either way.
CREATE TABLE entries (
    tenant TEXT    NOT NULL,
    run    TEXT    NOT NULL,
    seq    INTEGER NOT NULL CHECK (seq >= 0),
    kind   TEXT    NOT NULL,
    body   TEXT    NOT NULL CHECK (json_valid(body)),
    chain  TEXT    NOT NULL,
    moved  INTEGER NOT NULL CHECK (moved IN (0, 1)),
    PRIMARY KEY (tenant, run, seq),
    FOREIGN KEY (tenant, run) REFERENCES runs (tenant, run)
) STRICT;

-- With a rowid for the same reason: a tree of digests, and the bytes elsewhere.
CREATE TABLE blobs (
    tenant TEXT NOT NULL,
    digest TEXT NOT NULL,
    bytes  BLOB NOT NULL,
    PRIMARY KEY (tenant, digest)
) STRICT;
