-- One row per route (origin and destination) and day. Counts and sums only.
SELECT
    '${PARTITION_DATE}'                             AS dt,
    origin,
    destination,
    count(*)                                        AS flights,
    count(DISTINCT carrier)                         AS carriers,
    count(*) FILTER (WHERE is_cancelled)            AS cancelled_flights,
    count(*) FILTER (WHERE is_diverted)             AS diverted_flights,
    count(*) FILTER (WHERE is_on_time)              AS on_time_flights,
    count(arr_delay_min)                            AS arrived_flights,
    CAST(COALESCE(sum(arr_delay_min), 0) AS BIGINT) AS arr_delay_total_min,
    max(arr_delay_min)                              AS arr_delay_max_min
FROM dwd.dwd_flights
WHERE dt = '${PARTITION_DATE}'
GROUP BY origin, destination
ORDER BY origin, destination
