-- What each slow request waited for: its segments added up by cause, the longest first.
--
-- @materialized
-- @column request_id     BIGINT      -- the request
-- @column place          BIGINT      -- 1 for the cause that is the request's verdict,
--                                       2 for the next
-- @column root           VARCHAR     -- as in blame
-- @column via            VARCHAR     -- as in blame
-- @column cause          VARCHAR     -- as in blame
-- @column cause_ns       BIGINT      -- its segments' length, added up
-- @column confidence     DOUBLE      -- how sure it is, 0 to 1, weighted by length
-- @column journal_ns     BIGINT      -- part of it in which the write at
--                                       the root was in the journal's hands
-- @column lock_class     VARCHAR     -- class of a lock it waited for
SELECT
    request_id,
    ROW_NUMBER() OVER (
        PARTITION BY request_id
        ORDER BY
            SUM(segment_ns) DESC,
            CASE cause WHEN 'unexplained' THEN 2 ELSE 1 END,
            cause
    ) AS place,
    MIN(root) AS root,
    CASE cause WHEN 'unexplained' THEN 'own' ELSE MIN(via) END AS via,
    cause,
    SUM(segment_ns) AS cause_ns,
    SUM(segment_ns * confidence) / SUM(segment_ns) AS confidence,
    COALESCE(
        SUM(segment_ns) FILTER (WHERE write_state IN ('journal_wait', 'journal_commit')), 0
    ) AS journal_ns,
    MAX(lock_class) AS lock_class
FROM request_segments
GROUP BY request_id, cause
ORDER BY request_id, place
