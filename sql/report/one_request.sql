-- One slow request with its verdict, what that rests on, and what the mechanism is, in words.
--
-- @param  request        BIGINT = 1   -- its id, or its place among the slow ones: 1 is the slowest
-- @column request_id     BIGINT       -- id of the request
-- @column place          BIGINT       -- its place among the slow ones
-- @column slow_count     BIGINT       -- how many there are
-- @column arrival_time   TIMESTAMP    -- first byte of the request
-- @column end_time       TIMESTAMP    -- last byte of the response
-- @column latency_ms     DOUBLE       -- from the one to the other
-- @column requested_wait_ms DOUBLE    -- part of it that it asked for
-- @column api            VARCHAR      -- API
-- @column client_id      VARCHAR      -- client id
-- @column client_address VARCHAR      -- ip:port of the client
-- @column correlation_id INT          -- correlation id
-- @column partitions     VARCHAR      -- its topic-partitions
-- @column thread_name    VARCHAR      -- its own handler
-- @column cause          VARCHAR      -- as in blame
-- @column waited_ms      DOUBLE       -- part of the latency spent on the cause
-- @column share_ratio    DOUBLE       -- its share in what it did not ask for
-- @column confidence     DOUBLE       -- how sure the cause is
-- @column reason         VARCHAR      -- what made the root slow, as in blame
-- @column reason_meaning VARCHAR      -- the same in words
-- @column rule           VARCHAR      -- what shows the cause, for most of its time
-- @column rule_meaning   VARCHAR      -- the same in words
-- @column left_open      VARCHAR      -- what is known of time that nothing explains
-- @column blocker_thread VARCHAR      -- thread whose file operation it waited behind
-- @column blocker_ms     DOUBLE       -- duration of that operation
-- @column blocker_file   VARCHAR      -- its file
-- @column blocker_broker INT          -- the broker where the root is, when that is another one
-- @column commit_ms      DOUBLE       -- journal commit during the write at the root
-- @column stage          VARCHAR      -- the stage that took longest by the broker's request log
-- @column evidence       VARCHAR      -- ids of the rows that the cause rests on, by table
-- @column limits         VARCHAR      -- what the recordings may have missed
WITH
placed AS (
    SELECT
        *,
        ROW_NUMBER() OVER (ORDER BY latency_ms DESC, request_id) AS place,
        COUNT(*) OVER () AS slow_count
    FROM request_verdicts
),
told_rules AS (
    SELECT rule, MIN(meaning) AS meaning, MIN(left_open) AS left_open
    FROM rules
    GROUP BY rule
)
SELECT
    v.request_id,
    v.place,
    v.slow_count,
    v.arrival_time,
    v.end_time,
    v.latency_ms,
    v.requested_wait_ms,
    v.api,
    v.client_id,
    v.client_address,
    v.correlation_id,
    v.partitions,
    v.thread_name,
    v.cause,
    v.waited_ms,
    v.share_ratio,
    v.confidence,
    v.reason,
    m.meaning AS reason_meaning,
    v.rule,
    r.meaning AS rule_meaning,
    r.left_open,
    v.blocker_thread,
    v.blocker_ms,
    v.blocker_file,
    v.blocker_broker,
    v.commit_ms,
    v.stage,
    v.evidence,
    v.limits
FROM placed AS v
LEFT JOIN told_rules AS r ON r.rule = v.rule
LEFT JOIN reasons AS m ON m.reason = v.reason
WHERE v.request_id = $request
    OR v.place = $request
ORDER BY v.place
