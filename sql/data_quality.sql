-- What the recordings lost, and what they cannot show because of how they were made.
--
-- @terminal source aspect name amount meaning | severity detail
-- @column source_id  BIGINT  -- number of the recording
-- @column source     VARCHAR -- the flag it was given with
-- @column aspect     VARCHAR -- loss, or limit
-- @column name       VARCHAR -- kind of loss, or name of the limit
-- @column severity   VARCHAR -- info, warning or error; null for limits
-- @column amount     BIGINT  -- how many were lost,
--                               or the limit's value in the unit its name ends in
-- @column meaning    VARCHAR -- what it means for the results
-- @column detail     VARCHAR -- what was found first
SELECT
    l.source_id,
    s.kind AS source,
    'loss' AS aspect,
    l.kind AS name,
    CAST(l.severity AS VARCHAR) AS severity,
    l.count AS amount,
    l.meaning,
    concat_ws(': ', l.first_position, l.detail) AS detail
FROM losses AS l
INNER JOIN sources AS s ON s.source_id = l.source_id
UNION ALL
SELECT
    m.source_id,
    s.kind AS source,
    'limit' AS aspect,
    m.name,
    CAST(NULL AS VARCHAR) AS severity,
    m.value AS amount,
    m.detail AS meaning,
    CAST(NULL AS VARCHAR) AS detail
FROM limits AS m
INNER JOIN sources AS s ON s.source_id = m.source_id
ORDER BY aspect DESC, source_id, name
