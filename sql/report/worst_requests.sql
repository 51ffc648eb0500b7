-- The slowest requests, each with its verdict in one row.
--
-- @param  max_requests   BIGINT = 200 -- at most this many
-- @column place          BIGINT       -- 1 is the slowest
-- @column arrival_time   TIMESTAMP    -- first byte of the request
-- @column latency_ms     DOUBLE       -- from the first byte of the request
--                                        to the last of the response
-- @column cause          VARCHAR      -- as in blame
-- @column waited_ms      DOUBLE       -- part of the latency spent on the cause
-- @column share_ratio    DOUBLE       -- waited_ms / latency_ms
-- @column partitions     VARCHAR      -- its topic-partitions
-- @column client_id      VARCHAR      -- client id
-- @column correlation_id INT          -- correlation id
-- @column blocker_thread VARCHAR      -- thread whose write it waited behind
-- @column blocker_ms     DOUBLE       -- duration of that write
-- @column commit_ms      DOUBLE       -- journal commit during the write at the root
-- @column connection_queue_ms DOUBLE  -- time behind earlier requests of its connection
-- @column lock_wait_ms   DOUBLE       -- its handler's waits for
--                                        the monitors of its logs
-- @column write_ms       DOUBLE       -- its own writes
-- @column confidence     DOUBLE       -- how sure the cause is
-- @column episode        BIGINT       -- its episode
-- @column client_address VARCHAR      -- ip:port of the client
-- @column thread_name    VARCHAR      -- its own handler
-- @column end_time       TIMESTAMP    -- last byte of the response
-- @column request_id     BIGINT       -- id of the request
-- @column evidence       VARCHAR      -- ids of the rows that the cause rests on,
--                                        by table
WITH
placed AS (
    SELECT
        *,
        CAST(ROW_NUMBER() OVER (ORDER BY latency_ms DESC, request_id) AS BIGINT) AS place
    FROM request_verdicts
)
SELECT
    v.place,
    v.arrival_time,
    v.latency_ms,
    v.cause,
    v.waited_ms,
    v.share_ratio,
    v.partitions,
    v.client_id,
    v.correlation_id,
    v.blocker_thread,
    v.blocker_ms,
    v.commit_ms,
    v.connection_queue_ms,
    v.lock_wait_ms,
    v.write_ms,
    v.confidence,
    e.episode,
    v.client_address,
    v.thread_name,
    v.end_time,
    v.request_id,
    v.evidence
FROM placed AS v
LEFT JOIN episode_requests AS e ON e.request_id = v.request_id
WHERE v.place <= $max_requests
ORDER BY v.place
