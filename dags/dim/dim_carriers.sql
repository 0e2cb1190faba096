-- One row per airline.
SELECT
    carrier,
    name AS carrier_name
FROM ods.ods_airlines
ORDER BY carrier
