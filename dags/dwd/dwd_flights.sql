-- One row per scheduled departure from New York (EWR, JFK, LGA) on its local date.
--
-- RAW gives local clock times as hhmm without a date (2400 is midnight), so the instants
-- are made from the schedule plus the delay in minutes: that is right past midnight too.
-- *_local is the wall clock of that airport, *_utc is the same instant in UTC.
WITH typed AS (
    SELECT
        make_date(CAST(year AS INTEGER), CAST(month AS INTEGER), CAST(day AS INTEGER)) AS flight_date,
        carrier,
        CAST(flight AS INTEGER)                        AS flight_number,
        NULLIF(tailnum, 'NA')                          AS tail_number,
        origin,
        dest                                           AS destination,
        CAST(sched_dep_time AS INTEGER)                AS sched_dep_hhmm,
        CAST(sched_arr_time AS INTEGER)                AS sched_arr_hhmm,
        strptime(time_hour, '%Y-%m-%dT%H:%M:%SZ')      AS sched_dep_hour_utc,
        dep_time = 'NA'                                AS is_cancelled,
        CAST(NULLIF(dep_delay, 'NA') AS INTEGER)       AS dep_delay_min,
        CAST(NULLIF(arr_delay, 'NA') AS INTEGER)       AS arr_delay_min,
        CAST(NULLIF(air_time, 'NA') AS INTEGER)        AS air_time_min,
        CAST(distance AS INTEGER)                      AS distance_mi
    FROM ods.ods_flights
    WHERE dt = '${PARTITION_DATE}'
),

scheduled AS (
    SELECT
        *,
        flight_date + to_minutes(sched_dep_hhmm // 100 * 60 + sched_dep_hhmm % 100) AS sched_dep_local,
        sched_dep_hour_utc + to_minutes(sched_dep_hhmm % 100)                       AS sched_dep_utc,
        -- An arrival whose clock is before the departure's is on the next day.
        flight_date
            + to_days(CASE WHEN sched_arr_hhmm < sched_dep_hhmm THEN 1 ELSE 0 END)
            + to_minutes(sched_arr_hhmm // 100 * 60 + sched_arr_hhmm % 100)         AS sched_arr_local
    FROM typed
),

zoned AS (
    SELECT
        scheduled.*,
        airports.time_zone,
        scheduled.sched_arr_local AT TIME ZONE airports.time_zone AT TIME ZONE 'UTC' AS sched_arr_utc
    FROM scheduled
    LEFT JOIN dim.dim_airports AS airports
        ON airports.airport = scheduled.destination
)

SELECT
    -- Not stored: strata refuses a row whose date is not the partition's own.
    flight_date                                               AS dt,
    carrier,
    flight_number,
    tail_number,
    origin,
    destination,
    sched_dep_local,
    sched_dep_utc,
    (sched_dep_utc + to_minutes(dep_delay_min)) AT TIME ZONE 'UTC' AT TIME ZONE 'America/New_York' AS dep_local,
    sched_dep_utc + to_minutes(dep_delay_min)                 AS dep_utc,
    sched_arr_local,
    sched_arr_utc,
    (sched_arr_utc + to_minutes(arr_delay_min)) AT TIME ZONE 'UTC' AT TIME ZONE time_zone AS arr_local,
    sched_arr_utc + to_minutes(arr_delay_min)                 AS arr_utc,
    dep_delay_min,
    arr_delay_min,
    air_time_min,
    distance_mi,
    is_cancelled,
    -- Departed, but never measured at its destination.
    NOT is_cancelled AND arr_delay_min IS NULL                AS is_diverted,
    -- The usual rule: less than 15 minutes late; cancelled and diverted flights are not on time.
    COALESCE(arr_delay_min < 15, FALSE)                       AS is_on_time
FROM zoned
ORDER BY sched_dep_utc, carrier, flight_number, origin
