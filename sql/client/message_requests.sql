-- The produce requests that slow messages of clients were in, found by the ids in their records.
--
-- A request that two captures have is one. Of a message whose request was not captured, or whose
-- headers were not (encrypted, cut), there is no row.
-- @materialized
-- @column client_message_id BIGINT   -- the message
-- @column request_id     BIGINT      -- a request with it
-- @column source_id      BIGINT      -- its capture
-- @column connection_id  BIGINT      -- its connection
-- @column arrival_time   TIMESTAMP   -- its first byte
-- @column end_time       TIMESTAMP   -- the last byte of its response; of acks=0, its own last
-- @column latency_ns     BIGINT      -- until the last byte of its response; null without one
-- @column error_code     SMALLINT    -- the broker's answer for the topic-partition
-- @column no_response    VARCHAR     -- why there is none (see requests)
-- @column place          BIGINT      -- 1 for the first of the message
-- @column request_count  BIGINT      -- how many there are
WITH
ids AS (
    SELECT
        request_id, error_code, CAST(topic AS VARCHAR) AS sent_topic, partition,
        unnest(message_ids) AS message_id
    FROM request_partitions
    WHERE message_ids IS NOT NULL
),
captured AS (
    SELECT
        s.client_message_id,
        r.request_id,
        r.source_id,
        r.connection_id,
        r.arrival_time,
        COALESCE(
            r.end_time, CASE WHEN CAST(r.no_response AS VARCHAR) = 'acks_0' THEN r.read_time END
        ) AS end_time,
        r.latency_ns,
        i.error_code,
        CAST(r.no_response AS VARCHAR) AS no_response,
        ROW_NUMBER() OVER (
            PARTITION BY
                s.client_message_id, CAST(r.client_address AS VARCHAR), r.correlation_id
            ORDER BY r.latency_ns IS NULL, r.request_id
        ) AS copy
    FROM slow_messages AS s
    -- Whoever passes a message on to another topic may keep its headers.
    INNER JOIN ids AS i
        ON i.message_id = s.message_id
        AND i.sent_topic = s.topic
        AND i.partition = s.partition
    INNER JOIN requests AS r ON r.request_id = i.request_id
    WHERE CAST(r.api AS VARCHAR) = 'Produce'
)
SELECT
    client_message_id,
    request_id,
    source_id,
    connection_id,
    arrival_time,
    end_time,
    latency_ns,
    error_code,
    no_response,
    ROW_NUMBER() OVER (
        PARTITION BY client_message_id ORDER BY arrival_time, request_id
    ) AS place,
    COUNT(*) OVER (PARTITION BY client_message_id) AS request_count
FROM captured
WHERE copy = 1
ORDER BY client_message_id, place
