-- One row per aircraft and day: its departures from New York. Cancelled flights have no aircraft to count.
WITH legs AS (
    SELECT
        tail_number,
        count(*)                                       AS departures,
        count(DISTINCT destination)                    AS destinations,
        CAST(COALESCE(sum(air_time_min), 0) AS BIGINT) AS air_time_total_min,
        CAST(sum(distance_mi) AS BIGINT)               AS distance_total_mi
    FROM dwd.dwd_flights
    WHERE dt = '${PARTITION_DATE}'
      AND NOT is_cancelled
      AND tail_number IS NOT NULL
    GROUP BY tail_number
)

SELECT
    legs.tail_number,
    planes.manufacturer,
    planes.model,
    planes.seats,
    -- NULL for an aircraft that the registry does not have.
    CAST(year(DATE '${PARTITION_DATE}') - planes.built_year AS SMALLINT) AS age_years,
    legs.departures,
    legs.destinations,
    legs.air_time_total_min,
    legs.distance_total_mi
FROM legs
LEFT JOIN dim.dim_planes AS planes
    ON planes.tail_number = legs.tail_number
ORDER BY legs.tail_number
