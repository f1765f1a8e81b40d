-- The columns by which lists are filtered: the state of a run regardless of its lease,
-- the run of which it is a fork, and the folder in which its agents work. They are
-- written in the transaction that changes them, and null while they are unknown: those
-- of runs of an older program are read from their journals in batches when they are
-- first needed, and not here, where every process would wait for it.
ALTER TABLE runs ADD COLUMN state TEXT;
ALTER TABLE runs ADD COLUMN parent TEXT;
ALTER TABLE runs ADD COLUMN place TEXT;
CREATE INDEX runs_by_state ON runs (tenant, state, created_at_us, run);
CREATE INDEX runs_by_parent ON runs (tenant, parent, created_at_us, run) WHERE parent IS NOT NULL;
CREATE INDEX runs_held ON runs (tenant, run) WHERE owner IS NOT NULL;

-- Runs that are due are claimed tenant by tenant.
DROP INDEX runs_to_wake;
CREATE INDEX runs_due ON runs (tenant, wake_at_us, run) WHERE wake_at_us IS NOT NULL;

-- A number for each run, in the order in which runs were stored. A separate table, so
-- that entries whose run is missing still have an id.
CREATE TABLE numbers (
    number INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    run    TEXT NOT NULL,
    UNIQUE (tenant, run)
) STRICT;
CREATE INDEX numbers_by_tenant ON numbers (tenant);

-- The entries of runs of older programs stay in their table and are read and continued
-- there, because copying them would take time in proportion to their number. The table
-- gets another name, so that an older program that already has the database open can
-- neither create nor continue a run: it would not write the columns above or a number.
-- Each of its transactions that adds or deletes an entry fails.
ALTER TABLE entries RENAME TO older_entries;

-- The entries of runs that have a number. With two integers as the key instead of two
-- texts and an integer, a step writes two pages less. With a rowid, as above.
CREATE TABLE journal (
    run   INTEGER NOT NULL,
    seq   INTEGER NOT NULL CHECK (seq >= 0),
    kind  TEXT    NOT NULL,
    body  TEXT    NOT NULL CHECK (json_valid(body)),
    chain TEXT    NOT NULL,
    moved INTEGER NOT NULL CHECK (moved IN (0, 1)),
    PRIMARY KEY (run, seq)
) STRICT;

-- As for `older_entries`: changing a single entry deletes the summary of its run.
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
