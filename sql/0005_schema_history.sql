-- Which columns a table had when: what 'strata diff' compares. A row only where they have changed, so that a table which is
-- built each day has one in all.

CREATE TABLE strata.schema_history (
	lake_id integer NOT NULL,
	table_name text COLLATE "C" NOT NULL,
	fence bigint NOT NULL,
	schema jsonb NOT NULL,
	PRIMARY KEY (lake_id, table_name, fence)
);
COMMENT ON TABLE strata.schema_history IS 'The columns of a table from the publish of this fence on.';

CREATE FUNCTION strata.schema_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO strata.schema_history (lake_id, table_name, fence, schema)
	VALUES (NEW.lake_id, NEW.table_name, NEW.schema_fence, NEW.schema) ON CONFLICT DO NOTHING;
	RETURN NULL;
END $$;
CREATE TRIGGER schema_new AFTER INSERT ON strata.table_stat FOR EACH ROW
WHEN (NEW.schema IS NOT NULL) EXECUTE FUNCTION strata.schema_changed();
CREATE TRIGGER schema_changed AFTER UPDATE OF schema ON strata.table_stat FOR EACH ROW
WHEN (NEW.schema IS NOT NULL AND OLD.schema IS DISTINCT FROM NEW.schema) EXECUTE FUNCTION strata.schema_changed();

INSERT INTO strata.schema_history (lake_id, table_name, fence, schema)
SELECT lake_id, table_name, schema_fence, schema FROM strata.table_stat WHERE schema IS NOT NULL;
