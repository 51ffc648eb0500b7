-- Slow requests grouped by what was at their root, the costliest first.
--
-- An episode is a journal commit, a write without one, a sync, a read, or a pause of the
-- JVM, and every slow request that waited for it, directly or in a queue; or a stretch of
-- slow requests that have another root in common, or nothing that explains them (see
-- `episode_requests`).
-- @terminal start_time duration_ms request_count worst_ms kind reason | cost_ms cost_ratio
--   thread_name logs stages cpu_ratio
-- @param  max_episodes   BIGINT = 50 -- at most this many
-- @column episode        BIGINT      -- number; 1 cost the requests most time
-- @column kind           VARCHAR     -- journal_commit, write, sync, read, pause, or a
--                                       stretch's root
-- @column start_time     TIMESTAMP   -- start of the commit, write, sync, read, pause or stretch
-- @column duration_ms    DOUBLE      -- how long it took
-- @column request_count  BIGINT      -- slow requests behind it
-- @column own_count      BIGINT      -- of them held up by their own write,
--                                       sync or read, or by the pause
-- @column lock_count     BIGINT      -- waiting for a lock
-- @column queued_count   BIGINT      -- queued behind another request
-- @column write_count    BIGINT      -- writes that it held up and requests waited for
-- @column cost_ms        DOUBLE      -- time that the requests waited for it, added up
-- @column cost_ratio     DOUBLE      -- that time's share of the
--                                       latency of all slow requests
-- @column worst_ms       DOUBLE      -- latency of the slowest request
-- @column confidence     DOUBLE      -- mean confidence of the verdicts
-- @column thread_name    VARCHAR     -- thread of the commit or write
-- @column logs           VARCHAR     -- topic-partitions of the writes
-- @column transaction    BIGINT      -- journal transaction
-- @column device         VARCHAR     -- device of the journal, as major:minor
-- @column end_time       TIMESTAMP   -- its end
-- @column root_id        BIGINT      -- function_call_id, write_id or pause_id; the first
--                                       request of a stretch
-- @column reason         VARCHAR     -- the mechanism of most of it (see reasons); null where
--                                       nothing shows one
-- @column stages         VARCHAR     -- where most of the requests' time was, by stage of a
--                                       request's life (see request_segments): request queue 61 %
-- @column cpu_ratio      DOUBLE      -- load of the machine's CPUs meanwhile, the mean of its
--                                       samples; null where none was taken
-- @column broker         INT         -- the broker; null when nothing tells
WITH
sums AS (
    SELECT
        e.episode,
        e.broker,
        e.kind,
        e.root_id,
        e.start_time,
        e.end_time,
        COUNT(*) AS request_count,
        COUNT(*) FILTER (WHERE v.cause NOT LIKE '%behind%') AS own_count,
        COUNT(*) FILTER (WHERE v.cause LIKE 'lock_wait%') AS lock_count,
        COUNT(*) FILTER (WHERE v.cause LIKE 'queued%') AS queued_count,
        COUNT(DISTINCT e.root_write_id) AS write_count,
        SUM(millionths(v.waited_ms)) / 1e6 AS cost_ms,
        MAX(v.latency_ms) AS worst_ms,
        SUM(millionths(v.confidence)) / 1e6 / COUNT(v.confidence) AS confidence
    FROM episode_requests AS e
    INNER JOIN request_verdicts AS v ON v.request_id = e.request_id
    GROUP BY e.episode, e.broker, e.kind, e.root_id, e.start_time, e.end_time
),
written AS (
    SELECT DISTINCT
        e.episode,
        COALESCE(w.topic || '-' || CAST(w.partition AS VARCHAR), w.file) AS log
    FROM episode_requests AS e
    INNER JOIN writes AS w ON w.write_id = e.root_write_id
),
logs AS (
    SELECT
        episode,
        string_agg(log, ' ' ORDER BY log) FILTER (WHERE place <= 8)
            || CASE
                WHEN COUNT(*) > 8
                    THEN ' and ' || CAST(COUNT(*) - 8 AS VARCHAR) || ' more'
                ELSE ''
            END AS logs
    FROM (
        SELECT *, ROW_NUMBER() OVER (PARTITION BY episode ORDER BY log) AS place
        FROM written
    )
    GROUP BY episode
),
reasons_of AS (
    SELECT e.episode, v.reason, SUM(millionths(v.waited_ms)) / 1e6 AS waited_ms,
        ROW_NUMBER() OVER (
            PARTITION BY e.episode ORDER BY SUM(millionths(v.waited_ms)) DESC, v.reason
        ) AS place
    FROM episode_requests AS e
    INNER JOIN request_verdicts AS v ON v.request_id = e.request_id
    GROUP BY e.episode, v.reason
),
stage_times AS (
    SELECT
        e.episode, s.segment, SUM(s.segment_ns) AS segment_ns,
        SUM(SUM(s.segment_ns)) OVER (PARTITION BY e.episode) AS all_ns
    FROM episode_requests AS e
    INNER JOIN request_segments AS s ON s.request_id = e.request_id
    GROUP BY e.episode, s.segment
),
stages AS (
    SELECT
        episode,
        string_agg(
            replace(segment, '_', ' ') || ' ' || CAST(CAST(ROUND(100.0 * segment_ns / all_ns) AS BIGINT) AS VARCHAR) || ' %',
            ', ' ORDER BY segment_ns DESC, segment
        ) AS stages
    FROM stage_times
    WHERE 10 * segment_ns >= all_ns
    GROUP BY episode
),
loads AS (
    SELECT s.episode, AVG(l.value) AS cpu_ratio
    FROM sums AS s
    INNER JOIN load_samples AS l
        ON l.time >= s.start_time
        AND l.time <= s.end_time
    INNER JOIN sources AS o
        ON o.source_id = l.source_id
        AND o.broker IS NOT DISTINCT FROM s.broker
    WHERE l.metric = 'cpu_usage'
        AND l.scope = 'machine'
    GROUP BY s.episode
),
total AS (
    SELECT SUM(millionths(latency_ms)) / 1e6 AS latency_ms
    FROM request_verdicts
)
SELECT
    s.episode,
    s.kind,
    s.start_time,
    elapsed_ns(s.start_time, s.end_time) / 1e6 AS duration_ms,
    s.request_count,
    s.own_count,
    s.lock_count,
    s.queued_count,
    s.write_count,
    s.cost_ms,
    s.cost_ms / t.latency_ms AS cost_ratio,
    s.worst_ms,
    s.confidence,
    COALESCE(wt.thread_name, w.comm, f.comm) AS thread_name,
    l.logs,
    f.transaction,
    f.device,
    s.end_time,
    s.root_id,
    r.reason,
    g.stages,
    o.cpu_ratio,
    s.broker
FROM sums AS s
CROSS JOIN total AS t
LEFT JOIN logs AS l ON l.episode = s.episode
LEFT JOIN reasons_of AS r
    ON r.episode = s.episode
    AND r.place = 1
LEFT JOIN stages AS g ON g.episode = s.episode
LEFT JOIN loads AS o ON o.episode = s.episode
LEFT JOIN function_calls AS f
    ON s.kind = 'journal_commit'
    AND f.function_call_id = s.root_id
LEFT JOIN writes AS w
    ON s.kind IN ('write', 'sync', 'read')
    AND w.write_id = s.root_id
LEFT JOIN sources AS ws ON ws.source_id = w.source_id
LEFT JOIN thread_names AS wt
    ON wt.tid = w.tid
    AND wt.broker IS NOT DISTINCT FROM ws.broker
WHERE s.episode <= $max_episodes
ORDER BY s.episode
