-- Punctuality of each carrier over the seven days up to and including the partition's own.
-- A carrier that did not fly today still has its row while it flew within the week.
WITH week AS (
    -- Both bounds are plain dates: these seven partitions are all that this task reads.
    SELECT *
    FROM dws.dws_carrier_daily
    WHERE dt BETWEEN '${PARTITION_DATE-6}' AND '${PARTITION_DATE}'
),

rolling AS (
    SELECT
        carrier,
        count(*)                                 AS days_flown,
        CAST(sum(flights) AS BIGINT)             AS flights,
        CAST(sum(cancelled_flights) AS BIGINT)   AS cancelled_flights,
        CAST(sum(on_time_flights) AS BIGINT)     AS on_time_flights,
        CAST(sum(arrived_flights) AS BIGINT)     AS arrived_flights,
        CAST(sum(arr_delay_total_min) AS BIGINT) AS arr_delay_total_min
    FROM week
    GROUP BY carrier
),

measured AS (
    SELECT
        carrier,
        days_flown,
        flights,
        cancelled_flights,
        round(100.0 * on_time_flights / flights, 1)                   AS on_time_pct,
        round(1.0 * arr_delay_total_min / NULLIF(arrived_flights, 0), 1) AS arr_delay_avg_min
    FROM rolling
)

SELECT
    CAST(rank() OVER (ORDER BY measured.on_time_pct DESC) AS INTEGER) AS punctuality_rank,
    measured.carrier,
    carriers.carrier_name,
    measured.days_flown,
    measured.flights,
    measured.cancelled_flights,
    measured.on_time_pct,
    measured.arr_delay_avg_min
FROM measured
LEFT JOIN dim.dim_carriers AS carriers
    ON carriers.carrier = measured.carrier
ORDER BY punctuality_rank, measured.carrier
