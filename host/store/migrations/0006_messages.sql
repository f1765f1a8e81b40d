-- Messages to a run from outside, until its holder takes them. They are numbered from 1
-- in each run, in the transaction that posts them. `posted` and `taken` are the numbers
-- of the last message posted and of the last one taken, so that a holder sees new
-- messages in the row that each of its commits reads anyway.
ALTER TABLE runs ADD COLUMN posted INTEGER NOT NULL DEFAULT 0 CHECK (posted >= 0);
ALTER TABLE runs ADD COLUMN taken INTEGER NOT NULL DEFAULT 0
    CHECK (taken BETWEEN 0 AND posted);

-- CASCADE, because an older program that has the database open still deletes runs.
CREATE TABLE messages (
    tenant       TEXT    NOT NULL,
    run          TEXT    NOT NULL,
    number       INTEGER NOT NULL CHECK (number > 0),
    posted_by    TEXT    NOT NULL,
    posted_at_us INTEGER NOT NULL,
    body         TEXT    NOT NULL CHECK (json_valid(body)),
    PRIMARY KEY (tenant, run, number),
    FOREIGN KEY (tenant, run) REFERENCES runs (tenant, run) ON DELETE CASCADE
) STRICT;
