-- One row per aircraft, by tail number. Not every tail number that flies is in the registry.
SELECT
    tailnum                   AS tail_number,
    CAST(year AS SMALLINT)    AS built_year,
    type                      AS aircraft_type,
    -- One name for makers that the registry spells in several ways.
    CASE
        WHEN manufacturer LIKE 'AIRBUS%'            THEN 'AIRBUS'
        WHEN manufacturer LIKE 'MCDONNELL DOUGLAS%' THEN 'MCDONNELL DOUGLAS'
        ELSE manufacturer
    END                       AS manufacturer,
    CAST(model AS VARCHAR)    AS model,
    CAST(engines AS SMALLINT) AS engines,
    engine                    AS engine_type,
    CAST(seats AS SMALLINT)   AS seats
FROM ods.ods_planes
ORDER BY tail_number
