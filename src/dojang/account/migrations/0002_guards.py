"""The record of uses only grows: the database itself refuses to change or delete a line."""

from django.db import migrations

SQL = """
DROP TRIGGER IF EXISTS rp_use_final ON account_use;
DROP TRIGGER IF EXISTS rp_use_final_whole ON account_use;
DROP FUNCTION IF EXISTS rp_use_is_final();
CREATE FUNCTION account_use_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a recorded use is never changed or deleted';
END $$;
CREATE TRIGGER account_use_final BEFORE UPDATE OR DELETE ON account_use
    FOR EACH ROW EXECUTE FUNCTION account_use_is_final();
CREATE TRIGGER account_use_final_whole BEFORE TRUNCATE ON account_use
    FOR EACH STATEMENT EXECUTE FUNCTION account_use_is_final();
"""
BACK = "DROP TABLE account_use CASCADE; DROP FUNCTION account_use_is_final CASCADE;"


class Migration(migrations.Migration):
    dependencies = [("account", "0001_initial")]
    operations = [migrations.RunSQL(SQL, BACK)]
