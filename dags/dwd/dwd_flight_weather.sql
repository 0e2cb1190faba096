-- Each flight with the weather at its origin in the hour it was scheduled to leave.
-- Hours without an observation leave the weather NULL; no flight is lost.
WITH flights AS (
    -- The macro reads exactly one partition, without listing the others.
    SELECT *
    FROM dwd.dwd_flights_dt('${PARTITION_DATE}')
),

weather AS (
    SELECT *
    FROM dwd.dwd_weather
    WHERE dt = '${PARTITION_DATE}'
)

SELECT
    flights.carrier,
    flights.flight_number,
    flights.origin,
    flights.destination,
    flights.sched_dep_utc,
    flights.dep_delay_min,
    flights.arr_delay_min,
    flights.is_cancelled,
    flights.is_diverted,
    flights.is_on_time,
    weather.temperature_f,
    weather.wind_speed_mph,
    weather.wind_gust_mph,
    weather.precipitation_in,
    weather.visibility_mi,
    CASE
        WHEN weather.airport IS NULL        THEN 'unknown'
        WHEN weather.visibility_mi < 3      THEN 'low visibility'
        WHEN weather.precipitation_in > 0   THEN 'rain or snow'
        WHEN weather.wind_gust_mph >= 25    THEN 'gusty'
        ELSE 'fair'
    END AS weather_condition
FROM flights
LEFT JOIN weather
    ON  weather.airport = flights.origin
    AND weather.observed_hour_utc = date_trunc('hour', flights.sched_dep_utc)
ORDER BY flights.sched_dep_utc, flights.carrier, flights.flight_number, flights.origin
