-- This program appends to a journal, and deletes it whole. Whoever changes or
-- takes away single entries, or large values, does it behind its back: what was
-- made of the journal then goes, in the same transaction, and the next list
-- reads the journal itself. Nothing watched over what was kept before.
DELETE FROM summaries;
CREATE TRIGGER entries_changed AFTER UPDATE ON entries BEGIN
    DELETE FROM summaries WHERE tenant = old.tenant AND run = old.run;
    DELETE FROM summaries WHERE tenant = new.tenant AND run = new.run;
END;
CREATE TRIGGER entries_deleted AFTER DELETE ON entries BEGIN
    DELETE FROM summaries WHERE tenant = old.tenant AND run = old.run;
END;
CREATE TRIGGER blobs_changed AFTER UPDATE ON blobs BEGIN
    DELETE FROM summaries WHERE tenant = old.tenant AND run IN
        (SELECT run FROM blob_uses WHERE tenant = old.tenant AND digest = old.digest);
END;
CREATE TRIGGER blobs_deleted AFTER DELETE ON blobs BEGIN
    DELETE FROM summaries WHERE tenant = old.tenant AND run IN
        (SELECT run FROM blob_uses WHERE tenant = old.tenant AND digest = old.digest);
END;
-- REPLACE takes a row away without a word of it. Adding rows, as this program
-- does, meets none that is there already, or the same bytes.
CREATE TRIGGER entries_replaced BEFORE INSERT ON entries
WHEN EXISTS (SELECT 1 FROM entries WHERE tenant = new.tenant AND run = new.run AND seq = new.seq)
BEGIN
    DELETE FROM summaries WHERE tenant = new.tenant AND run = new.run;
END;
CREATE TRIGGER blobs_replaced BEFORE INSERT ON blobs
WHEN EXISTS (SELECT 1 FROM blobs
    WHERE tenant = new.tenant AND digest = new.digest AND bytes IS NOT new.bytes)
BEGIN
    DELETE FROM summaries WHERE tenant = new.tenant AND run IN
        (SELECT run FROM blob_uses WHERE tenant = new.tenant AND digest = new.digest);
END;
