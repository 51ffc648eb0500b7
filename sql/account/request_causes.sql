-- What each slow request waited for: its segments added up by cause, the longest first;
-- last what it had asked for.
--
-- `unexplained` is the first also where it decides: where two roots are so nearly of one
-- length that it would make the lesser one the longer.
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
),
totals AS (
    SELECT
        request_id,
        cause,
        MIN(root) AS root,
        CASE cause WHEN 'unexplained' THEN 'own' ELSE MIN(via) END AS via,
        MAX(CASE WHEN 2 * part_ns > cause_ns THEN reason END) AS reason,
        string_agg(
            reason || ' ' || CAST(CAST(round(100.0 * part_ns / cause_ns) AS INT) AS VARCHAR) || ' %',
            ', ' ORDER BY part_ns DESC, reason
        ) FILTER (WHERE reason IS NOT NULL AND 200 * part_ns >= cause_ns) AS reasons,
        SUM(part_ns) AS cause_ns,
        SUM(sure_ns) / SUM(part_ns) AS confidence,
        SUM(journal_ns) AS journal_ns,
        MAX(lock_class) AS lock_class,
        CASE
            WHEN cause = 'unexplained' THEN 2
            WHEN MIN(root) = 'requested_wait' THEN 3
            ELSE 1
        END AS kind
    FROM shared
    GROUP BY request_id, cause
),
longest AS (
    SELECT
        *,
        first_value(root) OVER w AS longest_root,
        first_value(cause_ns) OVER w AS longest_ns
    FROM totals
    WINDOW w AS (PARTITION BY request_id ORDER BY kind, cause_ns DESC, cause)
),
rivals AS (
    SELECT
        *,
        MAX(CASE WHEN kind = 1 AND root <> longest_root THEN cause_ns END)
            OVER (PARTITION BY request_id) AS rival_ns
    FROM longest
)
SELECT
    request_id,
    ROW_NUMBER() OVER (
        PARTITION BY request_id
        ORDER BY
            CASE kind WHEN 3 THEN 2 ELSE 1 END,
            -- What no row shows would make another root the longer one: which of them it was is not known.
            CASE WHEN kind = 2 AND cause_ns + rival_ns > longest_ns THEN 1 ELSE 2 END,
            cause_ns DESC,
            kind,
            cause
    ) AS place,
    root,
    via,
    cause,
    reason,
    reasons,
    cause_ns,
    confidence,
    journal_ns,
    lock_class
FROM rivals
ORDER BY request_id, place
