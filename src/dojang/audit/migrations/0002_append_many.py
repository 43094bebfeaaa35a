"""Append many events at once: one look at the head, one statement for the rows, one step of the head."""

from django.db import migrations

FORWARD = """
-- Type, subject and time are still taken from the body by the database, once for each event and not once for
-- each column; `dojang.audit.queries` finds a row whose columns are not its body's.
ALTER TABLE audit_event ALTER COLUMN type DROP EXPRESSION;
ALTER TABLE audit_event ALTER COLUMN subject DROP EXPRESSION;
ALTER TABLE audit_event ALTER COLUMN at DROP EXPRESSION;

-- A head goes forward by as many events as were written behind it, to the hash of the last of them.
CREATE OR REPLACE FUNCTION audit_head_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.id <> OLD.id OR NEW.seq <= OLD.seq
       OR NEW.seq - OLD.seq <> (SELECT count(*) FROM audit_event e
                                WHERE e.chain = OLD.id AND e.seq > OLD.seq AND e.seq <= NEW.seq)
       OR NEW.hash IS DISTINCT FROM (SELECT e.hash FROM audit_event e
                                     WHERE e.chain = OLD.id AND e.seq = NEW.seq) THEN
        RAISE EXCEPTION 'the head of an audit chain only goes forward, by what was written'
            USING ERRCODE = 'DJ002';
    END IF;
    RETURN NEW;
END $$;

-- Append events, in their order, to one chain; returns the chain and the number of the last. The head stays
-- locked until the caller's transaction ends, so a chain has no gaps: what is rolled back never took a
-- number. A free chain is preferred to waiting for a busy one.
CREATE FUNCTION audit_append_many(new_bodies text[], OUT chain smallint, OUT seq bigint)
LANGUAGE plpgsql AS $$
DECLARE
    mine CONSTANT int := mod(pg_backend_pid(), 16);
    head audit_chain%ROWTYPE;
    last_hash bytea;
    hashes bytea[] := '{}';
    one text;
BEGIN
    SELECT * INTO head FROM audit_chain c ORDER BY mod(c.id - mine + 16, 16)
        LIMIT 1 FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        SELECT * INTO head FROM audit_chain c WHERE c.id = mine FOR UPDATE;
    END IF;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the audit trail has no chain' USING ERRCODE = 'DJ001';
    END IF;
    chain := head.id;
    seq := head.seq;
    last_hash := head.hash;
    FOREACH one IN ARRAY new_bodies LOOP
        seq := seq + 1;
        last_hash := sha256(last_hash || int8send(seq) || convert_to(one, 'UTF8'));
        hashes := array_append(hashes, last_hash);
    END LOOP;
    INSERT INTO audit_event (chain, seq, body, hash, type, subject, at)
        SELECT head.id, head.seq + b.place, b.body, b.hash, b.said ->> 'type', b.said ->> 'subject',
               b.said ->> 'at'
        FROM (SELECT w.body, w.hash, w.place, w.body::jsonb AS said
              FROM unnest(new_bodies, hashes) WITH ORDINALITY AS w (body, hash, place) OFFSET 0) AS b;
    UPDATE audit_chain c SET seq = audit_append_many.seq, hash = last_hash WHERE c.id = head.id;
END $$;

CREATE OR REPLACE FUNCTION audit_append(new_body text, OUT chain smallint, OUT seq bigint)
LANGUAGE plpgsql AS $$
BEGIN
    SELECT m.chain, m.seq INTO audit_append.chain, audit_append.seq
        FROM audit_append_many(ARRAY[new_body]) AS m;
END $$;
"""

BACKWARD = """
DROP INDEX audit_event_type_at;
DROP INDEX audit_event_subject;
ALTER TABLE audit_event DROP COLUMN type, DROP COLUMN subject, DROP COLUMN at;
ALTER TABLE audit_event
    ADD COLUMN type text NOT NULL GENERATED ALWAYS AS (body::jsonb ->> 'type') STORED,
    ADD COLUMN subject text NOT NULL GENERATED ALWAYS AS (body::jsonb ->> 'subject') STORED,
    ADD COLUMN at text NOT NULL GENERATED ALWAYS AS (body::jsonb ->> 'at') STORED;
CREATE INDEX audit_event_type_at ON audit_event (type, at);
CREATE INDEX audit_event_subject ON audit_event (subject, at) WHERE subject <> '';

CREATE OR REPLACE FUNCTION audit_head_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.id <> OLD.id OR NEW.seq <> OLD.seq + 1 THEN
        RAISE EXCEPTION 'the head of an audit chain only goes forward, by one' USING ERRCODE = 'DJ002';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION audit_append(new_body text, OUT chain smallint, OUT seq bigint)
LANGUAGE plpgsql AS $$
DECLARE
    mine CONSTANT int := mod(pg_backend_pid(), 16);
    head audit_chain%ROWTYPE;
    next_hash bytea;
BEGIN
    SELECT * INTO head FROM audit_chain c ORDER BY mod(c.id - mine + 16, 16)
        LIMIT 1 FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        SELECT * INTO head FROM audit_chain c WHERE c.id = mine FOR UPDATE;
    END IF;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the audit trail has no chain' USING ERRCODE = 'DJ001';
    END IF;
    chain := head.id;
    seq := head.seq + 1;
    next_hash := sha256(head.hash || int8send(seq) || convert_to(new_body, 'UTF8'));
    INSERT INTO audit_event (chain, seq, body, hash) VALUES (head.id, audit_append.seq, new_body, next_hash);
    UPDATE audit_chain c SET seq = audit_append.seq, hash = next_hash WHERE c.id = head.id;
END $$;
DROP FUNCTION audit_append_many(text[]);
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
