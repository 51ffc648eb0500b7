-- When the handler of each accounted request computed for it, by samples and waits for a
-- CPU that follow each other as fast as those of a thread that does not stop.
--
-- During its work; and before its handler's first own row, when the samples go on until
-- then: the thread has been in no other row since they began, so it was at work on the
-- request already. A sample stands for its weight at most, whenever that was.
-- @materialized
-- @column request_id     BIGINT      -- the request
-- @column start_time     TIMESTAMP   -- start of the wait, or of the time that a sample stands for
-- @column end_time       TIMESTAMP   -- its end: of a sample when it was taken
-- @column is_ready       BOOLEAN     -- it waited for a CPU; else it had one
-- @column is_taken       BOOLEAN     -- before its first own row, and begun when the request
--                                       was there and the handler was done with others
-- @column confidence     DOUBLE      -- how sure the handler is, 0 to 1
WITH
work AS (
    SELECT request_id, tid, service_start, begin_time, handled_time, confidence
    FROM request_work
    WHERE tid IS NOT NULL
        AND begin_time < handled_time
),
earlier AS (
    -- The end of what the thread was in for somebody else.
    SELECT w.request_id, MAX(e.end_time) AS free_time
    FROM work AS w
    INNER JOIN (
        SELECT tid, start_time, end_time FROM near_writes
        UNION ALL
        SELECT tid, start_time, end_time FROM near_waits
    ) AS e
        ON e.tid = w.tid
        AND e.start_time < w.begin_time
        AND w.service_start < e.end_time
    WHERE e.end_time <= w.begin_time
    GROUP BY w.request_id
),
bounds AS (
    SELECT
        w.*,
        COALESCE(e.free_time, w.service_start) AS free_time,
        e.free_time IS NOT NULL AS was_busy
    FROM work AS w
    LEFT JOIN earlier AS e ON e.request_id = w.request_id
),
samples AS (
    -- With one from just before, if it has been computing when it was free or the request came.
    SELECT b.*, s.time, s.time AS end_time, s.weight_ns, FALSE AS is_ready
    FROM bounds AS b
    INNER JOIN stack_samples AS s
        ON s.tid = b.tid
        AND s.time >= add_ns(b.free_time, -2 * s.weight_ns)
        AND s.time < b.handled_time
    WHERE s.state = 'on_cpu'
        AND s.weight_ns > 0
),
sampled AS (
    SELECT tid, MAX(weight_ns) AS weight_ns
    FROM samples
    GROUP BY tid
),
moments AS (
    SELECT * FROM samples
    UNION ALL BY NAME
    -- Waiting for a CPU, it had not stopped either.
    SELECT
        b.*, r.start_time AS time, LEAST(r.end_time, b.handled_time) AS end_time, s.weight_ns,
        TRUE AS is_ready
    FROM bounds AS b
    INNER JOIN sampled AS s ON s.tid = b.tid
    INNER JOIN ready_times AS r
        ON r.tid = b.tid
        AND r.start_time < b.handled_time
        AND b.free_time < r.end_time
),
followed AS (
    SELECT
        *,
        elapsed_ns(MAX(end_time) OVER (
            PARTITION BY request_id
            ORDER BY time, end_time
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ), time) AS since_ns
    FROM moments
),
numbered AS (
    SELECT
        *,
        SUM(CASE WHEN since_ns <= 2 * weight_ns THEN 0 ELSE 1 END) OVER (
            PARTITION BY request_id ORDER BY time, end_time ROWS UNBOUNDED PRECEDING
        ) AS chain
    FROM followed
),
chains AS (
    SELECT
        *,
        MIN(time) OVER (PARTITION BY request_id, chain) AS chain_start,
        MAX(end_time) OVER (PARTITION BY request_id, chain) AS chain_end,
        BOOL_OR(NOT is_ready) OVER (PARTITION BY request_id, chain) AS is_sampled
    FROM numbered
)
SELECT
    request_id,
    GREATEST(
        CASE WHEN time < begin_time THEN free_time ELSE begin_time END,
        CASE WHEN is_ready THEN time ELSE add_ns(time, -LEAST(since_ns, weight_ns)) END
    ) AS start_time,
    end_time,
    is_ready,
    time < begin_time AND (was_busy OR chain_start > service_start) AS is_taken,
    confidence
FROM chains
WHERE is_sampled
    AND end_time > free_time
    AND (is_ready OR since_ns <= 2 * weight_ns)
    AND (time >= begin_time OR elapsed_ns(chain_end, begin_time) <= 2 * weight_ns)
ORDER BY request_id, start_time, end_time
