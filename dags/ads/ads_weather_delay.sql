-- What weather costs, over all days that are published: one row per origin and condition.
WITH totals AS (
    SELECT
        origin,
        weather_condition,
        CAST(sum(flights) AS BIGINT)             AS flights,
        CAST(sum(cancelled_flights) AS BIGINT)   AS cancelled_flights,
        CAST(sum(on_time_flights) AS BIGINT)     AS on_time_flights,
        CAST(sum(departed_flights) AS BIGINT)    AS departed_flights,
        CAST(sum(dep_delay_total_min) AS BIGINT) AS dep_delay_total_min
    FROM dws.dws_weather_daily
    GROUP BY origin, weather_condition
)

SELECT
    origin,
    weather_condition,
    flights,
    round(100.0 * cancelled_flights / flights, 2)                     AS cancelled_pct,
    round(100.0 * on_time_flights / flights, 1)                       AS on_time_pct,
    round(1.0 * dep_delay_total_min / NULLIF(departed_flights, 0), 1) AS dep_delay_avg_min
FROM totals
ORDER BY origin, weather_condition
