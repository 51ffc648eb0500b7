-- What becomes of the verdicts when something had not been recorded.
--
-- `kcorr verify` takes away each recording, each table and each kind of rows, one at a
-- time, and blames anew. A verdict that loses its evidence may become `unexplained`, or
-- say less: what it names then took as long by the account of the whole recordings, too,
-- or is shown for as long by rows of the request's own handler (a file operation, a wait
-- for a lock or for a CPU) or of those in line before it, a stop of the JVM, or the fetches
-- or the fetcher of a follower. Of a lock whose holder is no longer seen no more is said than
-- that it was waited for; of a thread without a CPU, than that it had none; and of two things
-- that held a request, at once or one after the other, one is left. One that becomes another
-- cause, or a cause where there was none, was inferred from absence. The row `any` is for all
-- that was taken away: a request counts as changed when it changed in at least one, as kept when
-- it was kept in each.
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
-- For how long each cause is told of each request, or shown by its own rows, whatever stronger evidence
-- there is.
shown AS (
    SELECT request_id, cause, SUM(segment_ns) / 1e6 AS shown_ms
    FROM (
        SELECT request_id, start_time, segment_ns, cause
        FROM request_segments
        UNION
        SELECT
            s.request_id,
            s.start_time,
            s.segment_ns,
            cause_of(t.root, CASE WHEN s.ahead_request_id IS NULL THEN t.via ELSE 'queued' END)
                AS cause
        FROM request_segments AS s
        INNER JOIN explained_times AS t
            ON t.request_id = COALESCE(s.ahead_request_id, s.request_id)
            AND t.start_time < s.end_time
            AND s.start_time < t.end_time
        WHERE t.rule IN (
                'own_write', 'own_sync', 'own_read', 'lock_wait', 'run_queue', 'handler_turn', 'pause',
                'stood_still', 'stood_behind', 'follower_fetch', 'followed'
            )
            AND 2 * overlap_ns(s.start_time, s.end_time, t.start_time, t.end_time) >= s.segment_ns
    )
    GROUP BY request_id, cause
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
            WHEN w.cause <> 'unexplained' AND s.shown_ms >= 0.9 * a.waited_ms THEN 'less'
            -- Its response was late, and it is no longer known which network thread was to send it.
            WHEN a.cause = 'response' AND w.cause LIKE 'network_thread_behind_%' THEN 'less'
            -- A thread had no CPU, and it is no longer known that this was for the quota.
            WHEN a.cause = replace(w.cause, 'cpu_throttle', 'cpu') THEN 'less'
            -- Several threads had no CPU, its network thread among them, and it is no longer known which one
            -- that is.
            WHEN a.cause IN ('cpu', 'cpu_throttle') AND w.cause = 'network_thread_behind_' || a.cause
                THEN 'less'
            -- A network thread reads what it sends.
            WHEN a.cause = 'response' AND w.cause = 'slow_read' THEN 'less'
            WHEN a.cause = 'queued_behind_response' AND w.cause = 'queued_behind_slow_read' THEN 'less'
            ELSE 'changed'
        END AS outcome
    FROM ablated_verdicts AS a
    INNER JOIN ablated_verdicts AS w
        ON w.request_id = a.request_id
    LEFT JOIN shown AS s
        ON s.request_id = a.request_id
        AND s.cause = a.cause
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
