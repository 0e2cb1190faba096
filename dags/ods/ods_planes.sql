-- The aircraft registry as delivered.
SELECT *
FROM tmp_ods_planes
