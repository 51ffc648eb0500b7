-- The time of each slow request, cut into segments that do not overlap, each with what explains it.
--
-- The stretches of `explained_times` (the request's own, and those of the requests it queued behind) and
-- the JVM's pauses are cut at each other's ends; where several cover a segment, the first of this order
-- counts: slow_write, lock_wait_behind_slow_write, queued_behind_slow_write, pause, lock_wait_other. So
-- a row that two recordings saw counts once. Segments that nothing covers are not listed: what is left of
-- the latency is unexplained.
-- @materialized
-- @param  slo_ms         DOUBLE = 65 -- a request at least this slow is listed
-- @column request_id     BIGINT      -- the request
-- @column start_time     TIMESTAMP   -- start of the segment
-- @column end_time       TIMESTAMP   -- its end
-- @column segment_ns     BIGINT      -- its length
-- @column cause          VARCHAR     -- what explains it (see blame)
-- @column root_write_id  BIGINT      -- the write that took the time
-- @column lock_wait_id   BIGINT      -- the wait
-- @column pause_id       BIGINT      -- the pause
-- @column ahead_request_id BIGINT    -- the request it queued behind on its connection
-- @column lock_class     VARCHAR     -- class of the lock
-- @column confidence     DOUBLE      -- how sure it is, 0 to 1
WITH
slow AS (
    SELECT *
    FROM accounted_requests
    WHERE is_slow
),
stretches AS (
    SELECT
        s.request_id,
        CASE e.kind
            WHEN 'own_write' THEN 'slow_write'
            WHEN 'lock_wait' THEN 'lock_wait_behind_slow_write'
            WHEN 'lock_other' THEN 'lock_wait_other'
            ELSE 'queued_behind_slow_write'
        END AS cause,
        e.start_time, e.end_time, e.root_write_id, e.lock_wait_id,
        CAST(NULL AS BIGINT) AS pause_id, CAST(NULL AS BIGINT) AS ahead_request_id,
        e.lock_class, e.confidence
    FROM slow AS s
    INNER JOIN explained_times AS e ON e.request_id = s.request_id
    UNION ALL
    -- Earlier requests of the connection, while this one waited behind them.
    SELECT
        s.request_id,
        CASE e.kind
            WHEN 'lock_other' THEN 'lock_wait_other'
            ELSE 'queued_behind_slow_write'
        END AS cause,
        GREATEST(s.arrival_time, e.start_time) AS start_time,
        LEAST(s.service_start, e.end_time) AS end_time,
        e.root_write_id, e.lock_wait_id,
        CAST(NULL AS BIGINT) AS pause_id, a.request_id AS ahead_request_id,
        e.lock_class, e.confidence
    FROM slow AS s
    INNER JOIN accounted_requests AS a
        ON a.connection_id = s.connection_id
        AND a.request_id <> s.request_id
        AND a.service_start < s.service_start
        AND s.arrival_time < a.end_time
    INNER JOIN explained_times AS e
        ON e.request_id = a.request_id
        AND e.start_time < s.service_start
        AND s.arrival_time < e.end_time
    UNION ALL
    SELECT
        s.request_id,
        'pause' AS cause,
        GREATEST(s.arrival_time, p.start_time) AS start_time,
        LEAST(s.end_time, p.end_time) AS end_time,
        CAST(NULL AS BIGINT) AS root_write_id, CAST(NULL AS BIGINT) AS lock_wait_id,
        p.pause_id, CAST(NULL AS BIGINT) AS ahead_request_id,
        CAST(NULL AS VARCHAR) AS lock_class, 0.9 AS confidence
    FROM slow AS s
    INNER JOIN pauses AS p
        ON p.start_time < s.end_time
        AND s.arrival_time < p.end_time
    WHERE p.kind IN ('gc', 'safepoint')
),
cuts AS (
    SELECT request_id, start_time AS cut_time FROM stretches
    UNION
    SELECT request_id, end_time AS cut_time FROM stretches
),
pieces AS (
    SELECT
        request_id,
        cut_time AS start_time,
        LEAD(cut_time) OVER (PARTITION BY request_id ORDER BY cut_time) AS end_time
    FROM cuts
),
covered AS (
    SELECT
        p.request_id, p.start_time, p.end_time,
        t.cause, t.root_write_id, t.lock_wait_id, t.pause_id, t.ahead_request_id,
        t.lock_class, t.confidence,
        ROW_NUMBER() OVER (
            PARTITION BY p.request_id, p.start_time
            ORDER BY
                CASE t.cause
                    WHEN 'slow_write' THEN 1
                    WHEN 'lock_wait_behind_slow_write' THEN 2
                    WHEN 'queued_behind_slow_write' THEN 3
                    WHEN 'pause' THEN 4
                    ELSE 5
                END,
                t.confidence DESC,
                t.root_write_id,
                t.lock_wait_id,
                t.pause_id,
                t.ahead_request_id
        ) AS place
    FROM pieces AS p
    INNER JOIN stretches AS t
        ON t.request_id = p.request_id
        AND t.start_time < p.end_time
        AND p.start_time < t.end_time
)
SELECT
    request_id,
    start_time,
    end_time,
    elapsed_ns(start_time, end_time) AS segment_ns,
    cause,
    root_write_id,
    lock_wait_id,
    pause_id,
    ahead_request_id,
    lock_class,
    confidence
FROM covered
WHERE place = 1
ORDER BY request_id, start_time
