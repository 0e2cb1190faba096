-- The ten routes of the day with the latest arrivals on average, of those with three or more.
WITH routes AS (
    SELECT
        origin,
        destination,
        flights,
        cancelled_flights,
        arrived_flights,
        round(1.0 * arr_delay_total_min / arrived_flights, 1) AS arr_delay_avg_min,
        arr_delay_max_min
    FROM dws.dws_route_daily
    WHERE dt = '${PARTITION_DATE}'
      AND arrived_flights >= 3
)

SELECT
    -- Ties go by name, so that a second run of the same day gives the same ten.
    CAST(row_number() OVER (
        ORDER BY routes.arr_delay_avg_min DESC, routes.origin, routes.destination
    ) AS INTEGER) AS route_rank,
    routes.origin,
    routes.destination,
    airports.airport_name AS destination_name,
    routes.flights,
    routes.cancelled_flights,
    routes.arrived_flights,
    routes.arr_delay_avg_min,
    routes.arr_delay_max_min
FROM routes
LEFT JOIN dim.dim_airports AS airports
    ON airports.airport = routes.destination
QUALIFY route_rank <= 10
ORDER BY route_rank
