-- Flights as delivered, row for row: every column is text and 'NA' is still 'NA'.
-- tmp_ods_flights is a view over the day's RAW files; see `sources` in dw_config.yaml.
SELECT
    *,
    '${PARTITION_DATE}' AS dt
FROM tmp_ods_flights
