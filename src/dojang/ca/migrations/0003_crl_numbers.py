"""A CRL's number never runs ahead of its time: after such a row no honest list of its scope could follow."""

from django.db import migrations

_GUARD = """
CREATE OR REPLACE FUNCTION ca_crl_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    {bound}
    IF EXISTS (SELECT FROM ca_crl WHERE issuer_id = NEW.issuer_id AND shard = NEW.shard
               AND number >= NEW.number) THEN
        RAISE EXCEPTION 'CRL numbers only rise' USING ERRCODE = 'DJ003';
    END IF;
    RETURN NEW;
END $$;
"""
# Numbers are milliseconds since 1970, or one more than the last; the signer allows five minutes, we ten.
_BOUND = """
    IF NEW.number > extract(epoch FROM NEW.this_update) * 1000 + 600000 THEN
        RAISE EXCEPTION 'a CRL number ahead of its time' USING ERRCODE = 'DJ003';
    END IF;
"""


class Migration(migrations.Migration):
    dependencies = [("ca", "0002_guards")]
    operations = [migrations.RunSQL(_GUARD.format(bound=_BOUND), _GUARD.format(bound=""))]
