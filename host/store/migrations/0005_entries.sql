-- All entries under the name and with the columns that they had up to schema 3, for
-- programs that read the database. A view without triggers refuses every write, so an
-- older program that has the database open still cannot write.
CREATE VIEW entries AS
    SELECT tenant, run, seq, kind, body, chain, moved FROM older_entries
    UNION ALL
    SELECT n.tenant, n.run, j.seq, j.kind, j.body, j.chain, j.moved
        FROM numbers n JOIN journal j ON j.run = n.number;
