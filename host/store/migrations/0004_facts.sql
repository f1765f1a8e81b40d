-- What lists are narrowed by: how a run stands as if nobody held it, the run
-- that it is a fork of, and where its agents work. The program says so in the
-- transaction that changes it. All three are null until they are known: those of
-- an older program's runs are looked up in its journals, in batches, when
-- somebody asks, and not here, where everyone would wait for it.
ALTER TABLE runs ADD COLUMN state TEXT;
ALTER TABLE runs ADD COLUMN parent TEXT;
ALTER TABLE runs ADD COLUMN place TEXT;
CREATE INDEX runs_by_state ON runs (tenant, state, created_at_us, run);
CREATE INDEX runs_by_parent ON runs (tenant, parent, created_at_us, run) WHERE parent IS NOT NULL;
CREATE INDEX runs_held ON runs (tenant, run) WHERE owner IS NOT NULL;

-- What is due is asked for tenant by tenant.
DROP INDEX runs_to_wake;
CREATE INDEX runs_due ON runs (tenant, wake_at_us, run) WHERE wake_at_us IS NOT NULL;

-- A number for each run, in the order in which they came in. An own table, so
-- that entries whose run is gone still have a name.
CREATE TABLE numbers (
    number INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    run    TEXT NOT NULL,
    UNIQUE (tenant, run)
) STRICT;
CREATE INDEX numbers_by_tenant ON numbers (tenant);

-- The entries of older programs' runs stay in their table, where they are read and
-- written on: to copy them would take as long as there are many. Under another
-- name, so that an older program that has the database open already can neither
-- make a run nor write one on: it would leave the columns above as they are, and
-- give no number. Each of its transactions that adds or deletes an entry fails.
ALTER TABLE entries RENAME TO older_entries;

-- The entries of runs that have a number. With two integers for a key in place of two texts and an
-- integer, a step writes two pages less. With a rowid, as there.
CREATE TABLE journal (
    run   INTEGER NOT NULL,
    seq   INTEGER NOT NULL CHECK (seq >= 0),
    kind  TEXT    NOT NULL,
    body  TEXT    NOT NULL CHECK (json_valid(body)),
    chain TEXT    NOT NULL,
    moved INTEGER NOT NULL CHECK (moved IN (0, 1)),
    PRIMARY KEY (run, seq)
) STRICT;

-- As for `older_entries`: who changes single entries takes along what was made of them.
CREATE TRIGGER journal_changed AFTER UPDATE ON journal BEGIN
    DELETE FROM summaries WHERE (tenant, run) IN
        (SELECT tenant, run FROM numbers WHERE number IN (old.run, new.run));
END;
CREATE TRIGGER journal_deleted AFTER DELETE ON journal BEGIN
    DELETE FROM summaries WHERE (tenant, run) IN
        (SELECT tenant, run FROM numbers WHERE number = old.run);
END;
CREATE TRIGGER journal_replaced BEFORE INSERT ON journal
WHEN EXISTS (SELECT 1 FROM journal WHERE run = new.run AND seq = new.seq)
BEGIN
    DELETE FROM summaries WHERE (tenant, run) IN
        (SELECT tenant, run FROM numbers WHERE number = new.run);
END;
