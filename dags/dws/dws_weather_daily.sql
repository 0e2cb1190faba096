-- One row per origin, weather condition and day: how flights fared in it. Counts and sums only.
SELECT
    origin,
    weather_condition,
    count(*)                                        AS flights,
    count(*) FILTER (WHERE is_cancelled)            AS cancelled_flights,
    count(*) FILTER (WHERE is_on_time)              AS on_time_flights,
    count(dep_delay_min)                            AS departed_flights,
    CAST(COALESCE(sum(dep_delay_min), 0) AS BIGINT) AS dep_delay_total_min
FROM dwd.dwd_flight_weather
WHERE dt = '${PARTITION_DATE}'
GROUP BY origin, weather_condition
ORDER BY origin, weather_condition
