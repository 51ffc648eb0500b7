-- The verdict of each slow request: `blame` in one row a request.
--
-- @materialized
-- @column request_id     BIGINT      -- the request
-- @column arrival_time   TIMESTAMP   -- first byte of the request
-- @column end_time       TIMESTAMP   -- last byte of the response
-- @column latency_ms     DOUBLE      -- end_time − arrival_time
-- @column cause          VARCHAR     -- as in blame
-- @column root           VARCHAR     -- what the time was in, as in blame
-- @column via            VARCHAR     -- how it reached the request, as in blame
-- @column waited_ms      DOUBLE      -- part of the latency spent on the cause
-- @column share_ratio    DOUBLE      -- as in blame
-- @column confidence     DOUBLE      -- how sure the cause is; null when unexplained
-- @column connection_queue_ms DOUBLE -- time behind earlier requests of its connection
-- @column lock_wait_ms   DOUBLE      -- its handler's waits for the monitors of its logs
-- @column write_ms       DOUBLE      -- its own writes, added up
-- @column commit_ms      DOUBLE      -- journal commit during the write at the root
-- @column blocker_thread VARCHAR     -- thread whose write it waited behind
-- @column blocker_ms     DOUBLE      -- duration of that write
-- @column lock_class     VARCHAR     -- class of the lock it waited for
-- @column thread_name    VARCHAR     -- its own handler
-- @column client_id      VARCHAR     -- client id
-- @column client_address VARCHAR     -- ip:port of the client
-- @column correlation_id INT         -- correlation id
-- @column partitions     VARCHAR     -- its topic-partitions
-- @column root_write_id  BIGINT      -- the write that took most of waited_ms
-- @column pause_id       BIGINT      -- the pause that took most of waited_ms
-- @column reason         VARCHAR     -- what made the root slow, as in blame
-- @column reasons        VARCHAR     -- all that did, with their shares, as in blame
-- @column api            VARCHAR     -- API
-- @column requested_wait_ms DOUBLE   -- part of the latency that it asked for
-- @column evidence       VARCHAR     -- ids of the rows that the cause rests on,
--                                       by table
WITH
verdicts AS (
    SELECT
        request_id,
        MIN(arrival_time) AS arrival_time,
        MIN(end_time) AS end_time,
        MIN(latency_ms) AS latency_ms,
        MIN(cause) AS cause,
        MIN(root) AS root,
        MIN(via) AS via,
        MIN(waited_ms) AS waited_ms,
        MIN(share_ratio) AS share_ratio,
        MIN(confidence) AS confidence,
        MIN(connection_queue_ms) AS connection_queue_ms,
        SUM(lock_wait_ms) AS lock_wait_ms,
        SUM(write_ms) AS write_ms,
        MAX(commit_ms) AS commit_ms,
        MIN(blocker_thread) AS blocker_thread,
        MIN(blocker_ms) AS blocker_ms,
        MIN(lock_class) AS lock_class,
        MIN(thread_name) AS thread_name,
        MIN(client_id) AS client_id,
        MIN(client_address) AS client_address,
        MIN(correlation_id) AS correlation_id,
        string_agg(
            topic || '-' || CAST(partition AS VARCHAR), ' ' ORDER BY topic, partition
        ) AS partitions,
        MIN(reason) AS reason,
        MIN(reasons) AS reasons,
        MIN(api) AS api,
        MIN(requested_wait_ms) AS requested_wait_ms,
        MIN(evidence) AS evidence
    FROM blame
    GROUP BY request_id
),
roots AS (
    SELECT
        request_id,
        root_write_id,
        pause_id,
        ROW_NUMBER() OVER (
            PARTITION BY request_id
            ORDER BY SUM(segment_ns) DESC, root_write_id, pause_id
        ) AS place
    FROM decisive_segments
    GROUP BY request_id, root_write_id, pause_id
)
SELECT
    v.request_id,
    v.arrival_time,
    v.end_time,
    v.latency_ms,
    v.cause,
    v.root,
    v.via,
    v.waited_ms,
    v.share_ratio,
    v.confidence,
    v.connection_queue_ms,
    v.lock_wait_ms,
    v.write_ms,
    v.commit_ms,
    v.blocker_thread,
    v.blocker_ms,
    v.lock_class,
    v.thread_name,
    v.client_id,
    v.client_address,
    v.correlation_id,
    v.partitions,
    r.root_write_id,
    r.pause_id,
    v.reason,
    v.reasons,
    v.api,
    v.requested_wait_ms,
    v.evidence
FROM verdicts AS v
LEFT JOIN roots AS r
    ON r.request_id = v.request_id
    AND r.place = 1
ORDER BY v.request_id
