-- One row per airport, with the time zone that local times there are in.
WITH delivered AS (
    SELECT
        faa                    AS airport,
        name                   AS airport_name,
        CAST(lat AS DOUBLE)    AS latitude_deg,
        CAST(lon AS DOUBLE)    AS longitude_deg,
        CAST(alt AS INTEGER)   AS altitude_ft,
        CAST(tzone AS VARCHAR) AS time_zone,
        'raw'                  AS record_source
    FROM ods.ods_airports
),

-- Four Caribbean destinations have flights but are missing from the delivered list.
supplement (airport, airport_name, latitude_deg, longitude_deg, altitude_ft, time_zone) AS (
    VALUES
        ('BQN', 'Rafael Hernandez',      18.4949, -67.1294, 237, 'America/Puerto_Rico'),
        ('PSE', 'Mercedita',             18.0083, -66.5630,  29, 'America/Puerto_Rico'),
        ('SJU', 'Luis Munoz Marin Intl', 18.4394, -66.0018,   9, 'America/Puerto_Rico'),
        ('STT', 'Cyril E King',          18.3373, -64.9734,  23, 'America/St_Thomas')
)

SELECT *
FROM delivered
UNION ALL BY NAME
-- A delivered row wins, should the list be completed one day.
SELECT
    airport,
    airport_name,
    CAST(latitude_deg AS DOUBLE)  AS latitude_deg,
    CAST(longitude_deg AS DOUBLE) AS longitude_deg,
    altitude_ft,
    time_zone,
    'supplement'                  AS record_source
FROM supplement
WHERE airport NOT IN (SELECT airport FROM delivered)
ORDER BY airport
