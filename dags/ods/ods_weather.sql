-- Hourly weather as delivered, row for row: text, with 'NA' still 'NA'.
SELECT
    *,
    '${PARTITION_DATE}' AS dt
FROM tmp_ods_weather
