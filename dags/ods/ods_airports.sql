-- The list of airports as delivered.
SELECT *
FROM tmp_ods_airports
