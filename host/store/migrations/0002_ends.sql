-- What the entries alone cannot tell: that some are missing at the end of a
-- journal, or all of them. `length` and `tip` (the last entry's digest) are
-- written in the transaction that appends, and every reader compares.
ALTER TABLE runs ADD COLUMN length INTEGER NOT NULL DEFAULT 0 CHECK (length >= 0);
ALTER TABLE runs ADD COLUMN tip TEXT NOT NULL DEFAULT '';
UPDATE runs SET
    length = coalesce((SELECT max(seq) + 1 FROM entries
                       WHERE tenant = runs.tenant AND run = runs.run), 0),
    tip = coalesce((SELECT chain FROM entries
                    WHERE tenant = runs.tenant AND run = runs.run
                    ORDER BY seq DESC LIMIT 1), '');

-- Which large values a run's entries refer to, so that deleting the run takes
-- along those that nobody else has. Values that were put by themselves belong
-- to the run named ''.
CREATE TABLE blob_uses (
    tenant TEXT NOT NULL,
    run    TEXT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (tenant, run, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX blob_uses_by_digest ON blob_uses (tenant, digest);
INSERT INTO blob_uses
    SELECT DISTINCT entries.tenant, entries.run, part.atom
    FROM entries, json_tree(entries.body) AS part
    WHERE entries.moved = 1 AND part.key = '$blob' AND part.type = 'text';

-- A cache: what a reader made of the first `length` entries of a journal. A row
-- counts only while its length and tip are those of the run, and its seal fits;
-- all of them may be deleted at any time.
CREATE TABLE summaries (
    tenant TEXT    NOT NULL,
    run    TEXT    NOT NULL,
    length INTEGER NOT NULL,
    tip    TEXT    NOT NULL,
    text   TEXT    NOT NULL,
    seal   TEXT    NOT NULL,
    PRIMARY KEY (tenant, run),
    FOREIGN KEY (tenant, run) REFERENCES runs (tenant, run)
) STRICT;
