-- Until when a request whose handler is not known was in the request queue, at least.
--
-- The queue is served in order. One that was read before it, and that its handler began on
-- later, had not been taken until then, so neither had this one, as long as no other handler
-- was free (see queue_times). Nor was it until the first handler was done with what each of
-- them had then. But a handler's first row may be missing, and then it seems to begin late: once
-- it began on a request, none that came before is still in the queue.
-- @materialized
-- @param  clock_slack_ms DOUBLE = 1  -- how far the recordings' clocks may be apart
-- @column request_id     BIGINT      -- the request
-- @column queued_until   TIMESTAMP   -- it was not taken before this
WITH
taken AS (
    -- Of those that were read together or later, the first that a handler began on.
    SELECT
        pool,
        service_start,
        MIN(MIN(begin_time)) OVER (
            PARTITION BY pool
            ORDER BY service_start
            ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
        ) AS begin_time
    FROM request_work
    WHERE begin_time IS NOT NULL
        AND pool IS NOT NULL
    GROUP BY pool, service_start
),
waiting AS (
    SELECT
        w.request_id, w.pool, w.service_start, w.response_time, t.begin_time AS queued_until
    FROM (
        SELECT
            request_id, pool, service_start, response_time,
            add_ns(service_start, CAST(-$clock_slack_ms * 1e6 AS BIGINT)) AS read_time
        FROM request_work
        WHERE begin_time IS NULL
    ) AS w
    ASOF JOIN taken AS t
        MATCH_CONDITION (w.read_time >= t.service_start)
        ON t.pool = w.pool
    WHERE t.begin_time > w.service_start
),
working AS (
    SELECT h.pool, h.handler_count, w.tid, w.begin_time, w.end_time
    FROM handler_work AS w
    INNER JOIN request_handlers AS h ON h.tid = w.tid
    WHERE h.is_whole
        AND w.begin_time < w.end_time
),
all_working AS (
    SELECT w.request_id, MIN(h.end_time) AS done_time
    FROM waiting AS w
    INNER JOIN working AS h
        ON h.pool = w.pool
        AND h.begin_time <= w.queued_until
        AND w.queued_until < h.end_time
    GROUP BY w.request_id
    HAVING COUNT(DISTINCT h.tid) = MIN(h.handler_count)
)
SELECT
    w.request_id,
    LEAST(COALESCE(a.done_time, w.queued_until), l.begin_time, w.response_time) AS queued_until
FROM waiting AS w
LEFT JOIN all_working AS a ON a.request_id = w.request_id
ASOF JOIN taken AS l
    MATCH_CONDITION (w.service_start < l.service_start)
    ON l.pool = w.pool
WHERE w.service_start < COALESCE(l.begin_time, w.response_time)
ORDER BY w.request_id
