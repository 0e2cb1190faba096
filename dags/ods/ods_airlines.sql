-- The list of airlines as delivered; it has no date, so the table has no partitions.
SELECT *
FROM tmp_ods_airlines
