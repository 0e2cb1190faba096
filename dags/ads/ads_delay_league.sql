-- The carriers' league over all days that are published: least delay first.
-- It reads every partition of dws_carrier_daily on purpose, so each new day brings it up to date.
WITH totals AS (
    SELECT
        carrier,
        min(CAST(dt AS DATE))                    AS first_day,
        max(CAST(dt AS DATE))                    AS last_day,
        count(*)                                 AS days_flown,
        CAST(sum(flights) AS BIGINT)             AS flights,
        CAST(sum(cancelled_flights) AS BIGINT)   AS cancelled_flights,
        CAST(sum(on_time_flights) AS BIGINT)     AS on_time_flights,
        CAST(sum(arrived_flights) AS BIGINT)     AS arrived_flights,
        CAST(sum(arr_delay_total_min) AS BIGINT) AS arr_delay_total_min
    FROM dws.dws_carrier_daily
    GROUP BY carrier
)

SELECT
    CAST(row_number() OVER (
        ORDER BY totals.arr_delay_total_min / NULLIF(totals.arrived_flights, 0) NULLS LAST, totals.carrier
    ) AS INTEGER) AS league_rank,
    totals.carrier,
    carriers.carrier_name,
    totals.first_day,
    totals.last_day,
    totals.days_flown,
    totals.flights,
    round(100.0 * totals.cancelled_flights / totals.flights, 2)                    AS cancelled_pct,
    round(100.0 * totals.on_time_flights / totals.flights, 1)                      AS on_time_pct,
    round(1.0 * totals.arr_delay_total_min / NULLIF(totals.arrived_flights, 0), 1) AS arr_delay_avg_min
FROM totals
LEFT JOIN dim.dim_carriers AS carriers
    ON carriers.carrier = totals.carrier
ORDER BY league_rank
