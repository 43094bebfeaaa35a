"""Let the database itself keep what must never change, whoever is connected."""

from django.db import migrations

FORWARD = """
CREATE SEQUENCE ca_subscriber_number START 1;

CREATE FUNCTION ca_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: what was signed stays', TG_OP, TG_TABLE_NAME USING ERRCODE = 'DJ003';
END $$;

CREATE FUNCTION ca_intent_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.serial <> OLD.serial OR NEW.issuer_id <> OLD.issuer_id OR NEW.tbs <> OLD.tbs
       OR NEW.order_key <> OLD.order_key OR NEW.order_sha256 <> OLD.order_sha256
       OR NEW.customer_id <> OLD.customer_id OR NEW.product <> OLD.product
       OR NEW.evidence <> OLD.evidence THEN
        RAISE EXCEPTION 'an intent is never rewritten' USING ERRCODE = 'DJ003';
    END IF;
    IF NEW.state <> OLD.state AND NOT (
        (OLD.state = 'open' AND NEW.state IN ('stored', 'void')) OR (OLD.state = 'void' AND NEW.state = 'late')
    ) THEN
        RAISE EXCEPTION 'an intent does not go from % to %', OLD.state, NEW.state USING ERRCODE = 'DJ003';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION ca_certificate_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.serial <> OLD.serial OR NEW.issuer_id <> OLD.issuer_id OR NEW.der <> OLD.der
       OR NEW.customer_id <> OLD.customer_id OR NEW.product <> OLD.product
       OR NEW.not_before <> OLD.not_before OR NEW.not_after <> OLD.not_after OR NEW.shard <> OLD.shard THEN
        RAISE EXCEPTION 'a certificate is never rewritten' USING ERRCODE = 'DJ003';
    END IF;
    IF NEW.state <> OLD.state AND NOT (
        (OLD.state = 'issued' AND NEW.state IN ('active', 'revoked'))
        OR (OLD.state = 'active' AND NEW.state IN ('held', 'revoked'))
        OR (OLD.state = 'held' AND NEW.state IN ('active', 'revoked'))
    ) THEN
        RAISE EXCEPTION 'a certificate does not go from % to %', OLD.state, NEW.state USING ERRCODE = 'DJ003';
    END IF;
    IF NEW.status_seq < OLD.status_seq OR (NEW.state <> OLD.state AND NEW.status_seq = OLD.status_seq) THEN
        RAISE EXCEPTION 'a change of state goes up by one' USING ERRCODE = 'DJ003';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION ca_revocation_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.certificate_id <> OLD.certificate_id OR NEW.serial <> OLD.serial OR NEW.reason <> OLD.reason
       OR NEW.at <> OLD.at OR NEW.shard <> OLD.shard OR OLD.lifted_at IS NOT NULL
       OR OLD.reason <> 'certificateHold' THEN
        RAISE EXCEPTION 'a revocation is never taken back' USING ERRCODE = 'DJ003';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION ca_crl_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM ca_crl WHERE issuer_id = NEW.issuer_id AND shard = NEW.shard
               AND number >= NEW.number) THEN
        RAISE EXCEPTION 'CRL numbers only rise' USING ERRCODE = 'DJ003';
    END IF;
    RETURN NEW;
END $$;

-- An old CRL may be cleared away; the newest of a scope stays.
CREATE FUNCTION ca_crl_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM ca_crl WHERE issuer_id = OLD.issuer_id AND shard = OLD.shard
                   AND number > OLD.number) THEN
        RAISE EXCEPTION 'the newest CRL stays' USING ERRCODE = 'DJ003';
    END IF;
    RETURN OLD;
END $$;

CREATE TRIGGER ca_intent_guard BEFORE UPDATE ON ca_intent FOR EACH ROW EXECUTE FUNCTION ca_intent_guard();
CREATE TRIGGER ca_intent_kept BEFORE DELETE ON ca_intent FOR EACH ROW EXECUTE FUNCTION ca_refuse();
CREATE TRIGGER ca_certificate_guard BEFORE UPDATE ON ca_certificate
    FOR EACH ROW EXECUTE FUNCTION ca_certificate_guard();
CREATE TRIGGER ca_certificate_kept BEFORE DELETE ON ca_certificate FOR EACH ROW EXECUTE FUNCTION ca_refuse();
CREATE TRIGGER ca_revocation_guard BEFORE UPDATE ON ca_revocation
    FOR EACH ROW EXECUTE FUNCTION ca_revocation_guard();
CREATE TRIGGER ca_revocation_kept BEFORE DELETE ON ca_revocation FOR EACH ROW EXECUTE FUNCTION ca_refuse();
CREATE TRIGGER ca_crl_guard BEFORE INSERT ON ca_crl FOR EACH ROW EXECUTE FUNCTION ca_crl_guard();
CREATE TRIGGER ca_crl_unchanged BEFORE UPDATE ON ca_crl FOR EACH ROW EXECUTE FUNCTION ca_refuse();
CREATE TRIGGER ca_crl_kept BEFORE DELETE ON ca_crl FOR EACH ROW EXECUTE FUNCTION ca_crl_kept();
"""

BACKWARD = """
DROP TRIGGER ca_intent_guard ON ca_intent;
DROP TRIGGER ca_intent_kept ON ca_intent;
DROP TRIGGER ca_certificate_guard ON ca_certificate;
DROP TRIGGER ca_certificate_kept ON ca_certificate;
DROP TRIGGER ca_revocation_guard ON ca_revocation;
DROP TRIGGER ca_revocation_kept ON ca_revocation;
DROP TRIGGER ca_crl_guard ON ca_crl;
DROP TRIGGER ca_crl_unchanged ON ca_crl;
DROP TRIGGER ca_crl_kept ON ca_crl;
DROP FUNCTION ca_refuse();
DROP FUNCTION ca_intent_guard();
DROP FUNCTION ca_certificate_guard();
DROP FUNCTION ca_revocation_guard();
DROP FUNCTION ca_crl_guard();
DROP FUNCTION ca_crl_kept();
DROP SEQUENCE ca_subscriber_number;
"""


class Migration(migrations.Migration):
    dependencies = [("ca", "0001_initial"), ("audit", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
