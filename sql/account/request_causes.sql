-- What each slow request waited for: its segments added up by cause, the longest first;
-- last what it had asked for.
--
-- @materialized
-- @column request_id     BIGINT      -- the request
-- @column place          BIGINT      -- 1 for the cause that is the request's verdict,
--                                       2 for the next
-- @column root           VARCHAR     -- as in blame
-- @column via            VARCHAR     -- as in blame
-- @column cause          VARCHAR     -- as in blame
-- @column reason         VARCHAR     -- as in blame
-- @column reasons        VARCHAR     -- as in blame
-- @column cause_ns       BIGINT      -- its segments' length, added up
-- @column confidence     DOUBLE      -- how sure it is, 0 to 1, weighted by length
-- @column journal_ns     BIGINT      -- part of it in which the write at
--                                       the root was in the journal's hands
-- @column lock_class     VARCHAR     -- class of a lock it waited for
WITH
parts AS (
    SELECT
        s.request_id,
        s.cause,
        s.reason,
        MIN(s.root) AS root,
        MIN(s.via) AS via,
        SUM(s.segment_ns) AS part_ns,
        SUM(s.segment_ns * s.confidence) AS sure_ns,
        COALESCE(
            SUM(s.segment_ns) FILTER (
                WHERE s.write_state IN ('journal_wait', 'journal_commit')
                    OR c.reason IN ('journal_wait', 'journal_commit')
            ), 0
        ) AS journal_ns,
        MAX(s.lock_class) AS lock_class
    FROM request_segments AS s
    LEFT JOIN wait_classes AS c ON c.wait_class = s.write_state
    GROUP BY s.request_id, s.cause, s.reason
),
shared AS (
    SELECT *, SUM(part_ns) OVER (PARTITION BY request_id, cause) AS cause_ns
    FROM parts
)
SELECT
    request_id,
    ROW_NUMBER() OVER (
        PARTITION BY request_id
        ORDER BY
            CASE MIN(root) WHEN 'requested_wait' THEN 2 ELSE 1 END,
            SUM(part_ns) DESC,
            CASE cause WHEN 'unexplained' THEN 2 ELSE 1 END,
            cause
    ) AS place,
    MIN(root) AS root,
    CASE cause WHEN 'unexplained' THEN 'own' ELSE MIN(via) END AS via,
    cause,
    MAX(CASE WHEN 2 * part_ns > cause_ns THEN reason END) AS reason,
    string_agg(
        reason || ' ' || CAST(CAST(round(100.0 * part_ns / cause_ns) AS INT) AS VARCHAR) || ' %',
        ', ' ORDER BY part_ns DESC, reason
    ) FILTER (WHERE reason IS NOT NULL AND 200 * part_ns >= cause_ns) AS reasons,
    SUM(part_ns) AS cause_ns,
    SUM(sure_ns) / SUM(part_ns) AS confidence,
    SUM(journal_ns) AS journal_ns,
    MAX(lock_class) AS lock_class
FROM shared
GROUP BY request_id, cause
ORDER BY request_id, place
