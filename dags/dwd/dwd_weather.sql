-- One row per airport and hour of observation. RAW is split by local date, so this is too;
-- the key is the UTC hour, because one local hour comes twice when summer time ends.
SELECT
    make_date(CAST(year AS INTEGER), CAST(month AS INTEGER), CAST(day AS INTEGER)) AS dt,
    origin                                                AS airport,
    strptime(time_hour, '%Y-%m-%dT%H:%M:%SZ')             AS observed_hour_utc,
    strptime(time_hour, '%Y-%m-%dT%H:%M:%SZ')
        AT TIME ZONE 'UTC' AT TIME ZONE 'America/New_York' AS observed_hour_local,
    CAST(NULLIF(temp, 'NA') AS DOUBLE)                    AS temperature_f,
    CAST(NULLIF(dewp, 'NA') AS DOUBLE)                    AS dewpoint_f,
    CAST(NULLIF(humid, 'NA') AS DOUBLE)                   AS humidity_pct,
    CAST(NULLIF(wind_dir, 'NA') AS SMALLINT)              AS wind_direction_deg,
    -- No wind at an airport blows at 150 mph: a faulty reading (there is one of 1,048).
    CASE
        WHEN CAST(NULLIF(wind_speed, 'NA') AS DOUBLE) < 150
            THEN CAST(NULLIF(wind_speed, 'NA') AS DOUBLE)
    END                                                   AS wind_speed_mph,
    CAST(NULLIF(wind_gust, 'NA') AS DOUBLE)               AS wind_gust_mph,
    CAST(NULLIF(precip, 'NA') AS DOUBLE)                  AS precipitation_in,
    CAST(NULLIF(pressure, 'NA') AS DOUBLE)                AS pressure_mbar,
    CAST(NULLIF(visib, 'NA') AS DOUBLE)                   AS visibility_mi
FROM ods.ods_weather
WHERE dt = '${PARTITION_DATE}'
ORDER BY airport, observed_hour_utc
