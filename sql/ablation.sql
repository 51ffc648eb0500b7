-- What becomes of the verdicts when something had not been recorded.
--
-- `kcorr verify` takes away each recording, each table and each kind of rows, one at a
-- time, and blames anew. A verdict that loses its evidence may become `unexplained`, or
-- say less: of a lock whose holder is no longer seen it says no more than that it was
-- waited for (`lock_wait_other`, `queued_behind_lock_other`). That is less than another
-- cause only where the verdict was in lock waits for most of its time (of the request, or
-- of the one ahead that it queued behind), among them the one that it names now. One that
-- becomes another cause, or a cause where there was none, was inferred from absence. The
-- row `any` is for all that was taken away: a request counts as changed when it changed in
-- at least one, as kept when it was kept in each.
-- @column taken              VARCHAR -- what was taken away
-- @column path               VARCHAR -- file of the recording,
--                                       when one was taken away
-- @column taken_count        BIGINT  -- rows that were taken away
-- @column request_count      BIGINT  -- slow requests
-- @column kept_count         BIGINT  -- those with the same cause without it
-- @column less_count         BIGINT  -- those whose verdict says less
-- @column unexplained_count  BIGINT  -- those that became unexplained
-- @column changed_count      BIGINT  -- those that became another cause
-- @column changed_ratio      DOUBLE  -- their share
-- @column example_request_id BIGINT  -- one of them
-- @column example_cause      VARCHAR -- its cause
-- @column example_ablated_cause VARCHAR -- its cause without what was taken away
WITH
waits AS (
    -- The lock waits that each verdict's time was in, whatever root it names for them.
    SELECT request_id, lock_wait_id, SUM(wait_ns) OVER (PARTITION BY request_id) AS waits_ns
    FROM (
        SELECT
            d.request_id,
            t.lock_wait_id,
            SUM(overlap_ns(
                d.start_time, add_ns(d.start_time, d.segment_ns), t.start_time, t.end_time
            )) AS wait_ns
        FROM decisive_segments AS d
        INNER JOIN explained_times AS t
            ON t.request_id = COALESCE(d.ahead_request_id, d.request_id)
            AND t.start_time < add_ns(d.start_time, d.segment_ns)
            AND d.start_time < t.end_time
        WHERE t.rule = 'lock_wait'
        GROUP BY d.request_id, t.lock_wait_id
    )
),
waited AS (
    SELECT w.request_id, w.lock_wait_id
    FROM waits AS w
    INNER JOIN request_causes AS c
        ON c.request_id = w.request_id
        AND c.place = 1
    WHERE 2 * w.waits_ns > c.cause_ns
),
pairs AS (
    SELECT
        a.taken,
        a.taken_count,
        a.source_id,
        a.request_id,
        w.cause,
        a.cause AS ablated_cause,
        CASE
            WHEN a.cause = w.cause THEN 'kept'
            WHEN a.cause = 'unexplained' THEN 'unexplained'
            WHEN l.lock_wait_id IS NOT NULL
                AND CASE
                    WHEN w.cause LIKE 'queued_behind_%' THEN a.cause = 'queued_behind_lock_other'
                    ELSE a.cause = 'lock_wait_other'
                END
                THEN 'less'
            -- Its response was late, and it is no longer known which network thread was to send it.
            WHEN a.cause = 'response' AND w.cause LIKE 'network_thread_behind_%' THEN 'less'
            -- A network thread reads what it sends.
            WHEN a.cause = 'response' AND w.cause = 'slow_read' THEN 'less'
            WHEN a.cause = 'queued_behind_response' AND w.cause = 'queued_behind_slow_read' THEN 'less'
            ELSE 'changed'
        END AS outcome
    FROM ablated_verdicts AS a
    INNER JOIN ablated_verdicts AS w
        ON w.request_id = a.request_id
    LEFT JOIN waited AS l
        ON l.request_id = a.request_id
        AND l.lock_wait_id = a.lock_wait_id
    WHERE a.taken IS NOT NULL
        AND w.taken IS NULL
),
single AS (
    SELECT
        taken,
        MIN(taken_count) AS taken_count,
        MIN(source_id) AS source_id,
        COUNT(*) AS request_count,
        COUNT(*) FILTER (WHERE outcome = 'kept') AS kept_count,
        COUNT(*) FILTER (WHERE outcome = 'less') AS less_count,
        COUNT(*) FILTER (WHERE outcome = 'unexplained') AS unexplained_count,
        COUNT(*) FILTER (WHERE outcome = 'changed') AS changed_count,
        MIN(request_id) FILTER (WHERE outcome = 'changed') AS example_request_id
    FROM pairs
    GROUP BY taken
),
worst AS (
    -- What happened to each request at worst.
    SELECT
        request_id,
        MAX(
            CASE outcome
                WHEN 'changed' THEN 4
                WHEN 'unexplained' THEN 3
                WHEN 'less' THEN 2
                ELSE 1
            END
        ) AS severity
    FROM pairs
    GROUP BY request_id
),
counted AS (
    SELECT
        'any' AS taken,
        CAST(NULL AS BIGINT) AS taken_count,
        CAST(NULL AS BIGINT) AS source_id,
        COUNT(*) AS request_count,
        COUNT(*) FILTER (WHERE severity = 1) AS kept_count,
        COUNT(*) FILTER (WHERE severity = 2) AS less_count,
        COUNT(*) FILTER (WHERE severity = 3) AS unexplained_count,
        COUNT(*) FILTER (WHERE severity = 4) AS changed_count,
        CAST(NULL AS BIGINT) AS example_request_id
    FROM worst
    HAVING COUNT(*) > 0
    UNION ALL
    SELECT
        taken, taken_count, source_id, request_count, kept_count, less_count,
        unexplained_count, changed_count, example_request_id
    FROM single
)
SELECT
    c.taken,
    CASE WHEN c.taken LIKE 'recording %' THEN s.path END AS path,
    c.taken_count,
    c.request_count,
    c.kept_count,
    c.less_count,
    c.unexplained_count,
    c.changed_count,
    CAST(c.changed_count AS DOUBLE) / c.request_count AS changed_ratio,
    c.example_request_id,
    p.cause AS example_cause,
    p.ablated_cause AS example_ablated_cause
FROM counted AS c
LEFT JOIN pairs AS p
    ON p.taken = c.taken
    AND p.request_id = c.example_request_id
LEFT JOIN sources AS s ON s.source_id = c.source_id
ORDER BY CASE c.taken WHEN 'any' THEN 1 ELSE 2 END, c.changed_count DESC, c.taken
