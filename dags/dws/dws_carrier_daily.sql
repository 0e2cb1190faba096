-- One row per carrier and day. Counts and sums only, so that weeks and years add up.
SELECT
    '${PARTITION_DATE}'                                      AS dt,
    carrier,
    count(*)                                                 AS flights,
    count(*) FILTER (WHERE is_cancelled)                     AS cancelled_flights,
    count(*) FILTER (WHERE is_diverted)                      AS diverted_flights,
    count(*) FILTER (WHERE is_on_time)                       AS on_time_flights,
    count(arr_delay_min)                                     AS arrived_flights,
    -- Early arrivals are negative. A SUM would be HUGEINT, which Parquet does not have.
    CAST(COALESCE(sum(dep_delay_min), 0) AS BIGINT)          AS dep_delay_total_min,
    CAST(COALESCE(sum(arr_delay_min), 0) AS BIGINT)          AS arr_delay_total_min,
    CAST(COALESCE(sum(distance_mi) FILTER (WHERE arr_delay_min IS NOT NULL), 0) AS BIGINT) AS distance_flown_mi
FROM dwd.dwd_flights
WHERE dt = '${PARTITION_DATE}'
GROUP BY carrier
ORDER BY carrier
