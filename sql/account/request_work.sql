-- What is known of each accounted request's way through the broker: its handler, its
-- network thread, and when its handler worked on it.
-- @materialized
-- @column request_id     BIGINT      -- the request
-- @column api            VARCHAR     -- its API
-- @column acks           INT         -- acknowledgements that it asked for
-- @column service_start  TIMESTAMP   -- the request was read and all
--                                       earlier ones were answered
-- @column response_time  TIMESTAMP   -- first byte of the response
-- @column end_time       TIMESTAMP   -- last byte of the response
-- @column tid            INT         -- its handler; null when not known
-- @column pool           VARCHAR     -- the handler's pool (see request_handlers); where the
--                                       handler is not known, the one that appends
-- @column handed_time    TIMESTAMP   -- its handler had nothing to do until then, when a network
--                                       thread handed a request over: this one was not in the
--                                       queue before; null when no row shows that
-- @column begin_time     TIMESTAMP   -- start of its handler's first own wait or operation
-- @column handled_time   TIMESTAMP   -- end of the last
-- @column due_time       TIMESTAMP   -- its response was not due before: with acks=all, or after a
--                                       coordinator's append, when the followers' fetches that
--                                       show that they have it were there, or it no longer waited
--                                       for them (null where nothing shows that), else
--                                       handled_time; where that is not known, when the wait was
--                                       over that it had asked for
-- @column is_complete    BOOLEAN     -- whether the writes of all its
--                                       topic-partitions were found
-- @column confidence     DOUBLE      -- how sure the handler is, 0 to 1
-- @column is_replicated  BOOLEAN     -- whether followers were seen to catch up, or to be no
--                                       longer waited for
-- @column network_tid    INT         -- its connection's network thread
-- @column network_confidence DOUBLE  -- how sure that is
WITH
worked AS (
    SELECT
        request_id,
        MIN(tid) AS tid,
        MIN(begin_time) AS begin_time,
        MAX(end_time) AS handled_time,
        BOOL_AND(is_complete) AS is_complete,
        MIN(confidence) AS confidence
    FROM handler_work
    GROUP BY request_id
),
handed AS (
    SELECT w.request_id, MAX(f.end_time) AS handed_time
    FROM worked AS w
    INNER JOIN accounted_requests AS a ON a.request_id = w.request_id
    INNER JOIN futex_waits AS f
        ON f.tid = w.tid
        AND f.start_time < w.begin_time
        AND a.service_start < f.end_time
    WHERE f.kind = 'idle'
        AND f.end_time <= w.begin_time
    GROUP BY w.request_id
),
asked AS (
    SELECT request_id, MAX(end_time) AS end_time
    FROM requested_waits
    WHERE asked_by = request_id
    GROUP BY request_id
),
pools AS (
    SELECT MIN(h.pool) AS pool
    FROM worked AS w
    INNER JOIN request_handlers AS h ON h.tid = w.tid
    HAVING COUNT(DISTINCT h.pool) = 1
)
SELECT
    a.request_id,
    a.api,
    CAST(r.acks AS INT) AS acks,
    a.service_start,
    a.response_time,
    a.end_time,
    w.tid,
    CASE WHEN w.tid IS NULL THEN p.pool ELSE h.pool END AS pool,
    d.handed_time,
    w.begin_time,
    CASE WHEN w.handled_time IS NOT NULL THEN LEAST(w.handled_time, a.end_time) END AS handled_time,
    CASE
        WHEN r.acks = -1
            OR (w.handled_time IS NOT NULL AND a.api <> 'Produce')
            OR f.request_id IS NOT NULL
            OR i.request_id IS NOT NULL
            THEN GREATEST(f.fetch_time, i.end_time)
        WHEN w.handled_time IS NOT NULL THEN LEAST(w.handled_time, a.end_time)
        ELSE q.end_time
    END AS due_time,
    w.is_complete,
    w.confidence,
    f.request_id IS NOT NULL OR i.request_id IS NOT NULL AS is_replicated,
    t.tid AS network_tid,
    t.confidence AS network_confidence
FROM accounted_requests AS a
INNER JOIN recorded_requests AS r ON r.request_id = a.request_id
LEFT JOIN worked AS w ON w.request_id = a.request_id
LEFT JOIN handed AS d ON d.request_id = a.request_id
LEFT JOIN request_handlers AS h ON h.tid = w.tid
LEFT JOIN replication AS f ON f.request_id = a.request_id
LEFT JOIN isr_waits AS i ON i.request_id = a.request_id
LEFT JOIN asked AS q ON q.request_id = a.request_id
LEFT JOIN connection_threads AS t ON t.connection_id = a.connection_id
LEFT JOIN pools AS p ON TRUE
ORDER BY a.request_id
