-- When the handler of each accounted request computed for it, by samples that follow each
-- other as fast as those of a thread that does not stop.
--
-- During its work; and before its handler's first own row, when the samples go on until
-- then: the thread has been in no other row since they began, so it was at work on the
-- request already. A sample stands for its weight at most, whenever that was.
-- @materialized
-- @column request_id     BIGINT      -- the request
-- @column start_time     TIMESTAMP   -- start of the time that a sample stands for
-- @column end_time       TIMESTAMP   -- its end: when it was taken
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
    SELECT w.*, COALESCE(e.free_time, w.service_start) AS free_time
    FROM work AS w
    LEFT JOIN earlier AS e ON e.request_id = w.request_id
),
samples AS (
    SELECT
        b.request_id, b.free_time, b.begin_time, b.confidence, s.time, s.weight_ns,
        elapsed_ns(LAG(s.time) OVER (PARTITION BY b.request_id ORDER BY s.time), s.time) AS since_ns
    FROM bounds AS b
    INNER JOIN stack_samples AS s
        ON s.tid = b.tid
        AND s.time >= b.free_time
        AND s.time < b.handled_time
    WHERE s.state = 'on_cpu'
        AND s.weight_ns > 0
),
numbered AS (
    SELECT
        *,
        SUM(CASE WHEN since_ns <= 2 * weight_ns THEN 0 ELSE 1 END) OVER (
            PARTITION BY request_id ORDER BY time ROWS UNBOUNDED PRECEDING
        ) AS chain
    FROM samples
),
chains AS (
    SELECT *, MAX(time) OVER (PARTITION BY request_id, chain) AS chain_end
    FROM numbered
)
SELECT
    request_id,
    GREATEST(
        CASE WHEN time < begin_time THEN free_time ELSE begin_time END,
        add_ns(time, -LEAST(since_ns, weight_ns))
    ) AS start_time,
    time AS end_time,
    confidence
FROM chains
WHERE since_ns <= 2 * weight_ns
    AND (time >= begin_time OR elapsed_ns(chain_end, begin_time) <= 2 * weight_ns)
ORDER BY request_id, start_time, end_time
