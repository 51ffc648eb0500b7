-- Messages of clients that were slow or given up, with the time that the client itself tells apart.
--
-- Slow is a message that was acknowledged or consumed at least `message_ms` after it was intended;
-- where that is 0, `slo_ms`.
-- All of its times are of the client's clock. One that was open when the client ended is in it
-- only if it was slow by then.
-- @materialized
-- @param  slo_ms         DOUBLE = 65 -- a message at least this slow is slow
-- @param  message_ms     DOUBLE = 0  -- or this slow, where it is not 0
-- @column client_message_id BIGINT   -- the message
-- @column message_id     VARCHAR     -- its id
-- @column client_id      VARCHAR     -- client id of the producer
-- @column consumer_id    VARCHAR     -- client id of the consumer
-- @column topic          VARCHAR     -- its topic
-- @column partition      INT         -- its partition
-- @column message_offset BIGINT      -- its offset; null when the client was told none
-- @column attempts       INT         -- requests that it was put into; null when not told
-- @column latency_ns     BIGINT      -- from when it was intended until it was acknowledged
--                                       and consumed, or given up
-- @column queue_ns       BIGINT      -- part of it before its first request; null when not told
-- @column resent_ns      BIGINT      -- between its first request and its last
-- @column sent_ns        BIGINT      -- between its last request and the acknowledgement
-- @column produced_ns    BIGINT      -- between its first request and the acknowledgement, or
--                                       the end
-- @column consumed_ns    BIGINT      -- between the acknowledgement and the consumer; 0 when
--                                       that had it before
WITH
messages AS (
    SELECT
        client_message_id,
        message_id,
        CAST(client_id AS VARCHAR) AS client_id,
        CAST(consumer_id AS VARCHAR) AS consumer_id,
        CAST(topic AS VARCHAR) AS topic,
        partition,
        message_offset,
        attempts,
        intended_time,
        first_sent_time,
        sent_time,
        acknowledged_time,
        failed_time,
        consumed_time,
        COALESCE(CAST(error AS VARCHAR), '') NOT IN ('', 'open_at_end') AS is_given_up,
        GREATEST(
            elapsed_ns(intended_time, acknowledged_time),
            elapsed_ns(intended_time, consumed_time),
            elapsed_ns(intended_time, failed_time)
        ) AS latency_ns
    FROM client_messages
    WHERE NOT is_again
)
SELECT
    client_message_id,
    message_id,
    client_id,
    consumer_id,
    topic,
    partition,
    message_offset,
    attempts,
    latency_ns,
    CASE
        WHEN attempts = 0 THEN latency_ns
        ELSE elapsed_ns(intended_time, first_sent_time)
    END AS queue_ns,
    elapsed_ns(first_sent_time, sent_time) AS resent_ns,
    elapsed_ns(sent_time, acknowledged_time) AS sent_ns,
    elapsed_ns(
        first_sent_time, COALESCE(acknowledged_time, failed_time)
    ) AS produced_ns,
    CASE
        WHEN acknowledged_time IS NOT NULL AND consumed_time IS NOT NULL
            THEN GREATEST(elapsed_ns(acknowledged_time, consumed_time), 0)
    END AS consumed_ns
FROM messages
WHERE is_given_up
    OR latency_ns >= CASE WHEN $message_ms > 0 THEN $message_ms ELSE $slo_ms END * 1e6
ORDER BY client_message_id
