"""The record of uses only grows: the database itself refuses to change or delete a line."""

from django.db import migrations

SQL = """
CREATE FUNCTION rp_use_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a recorded use is never changed or deleted';
END $$;
CREATE TRIGGER rp_use_final BEFORE UPDATE OR DELETE ON rp_use
    FOR EACH ROW EXECUTE FUNCTION rp_use_is_final();
CREATE TRIGGER rp_use_final_whole BEFORE TRUNCATE ON rp_use
    FOR EACH STATEMENT EXECUTE FUNCTION rp_use_is_final();
"""
BACK = "DROP TABLE rp_use CASCADE; DROP FUNCTION rp_use_is_final CASCADE;"


class Migration(migrations.Migration):
    dependencies = [("rp", "0001_initial")]
    operations = [migrations.RunSQL(SQL, BACK)]
