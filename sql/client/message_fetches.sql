-- The fetch that brought each slow message of a client to its consumer.
--
-- It is the consumer's fetch of the topic-partition that asked from the last offset before the
-- message's or from its own, returned records, and was answered when the message could be read
-- (its high watermark was behind it). A fetch of a session leaves out partitions whose offset it
-- has told before.
-- @materialized
-- @column client_message_id BIGINT   -- the message
-- @column request_id     BIGINT      -- the fetch
-- @column source_id      BIGINT      -- its capture
-- @column arrival_time   TIMESTAMP   -- its first byte
-- @column end_time       TIMESTAMP   -- the last byte of its response
-- @column previous_end_time TIMESTAMP -- the end of the fetch before it on its connection
WITH
fetches AS (
    SELECT
        request_id,
        source_id,
        connection_id,
        CAST(client_id AS VARCHAR) AS client_id,
        arrival_time,
        end_time,
        LAG(end_time) OVER (
            PARTITION BY connection_id ORDER BY arrival_time, request_id
        ) AS previous_end_time
    FROM requests
    WHERE CAST(api AS VARCHAR) = 'Fetch'
        AND CAST(client_id AS VARCHAR) IN (SELECT consumer_id FROM slow_messages)
),
fetched AS (
    SELECT
        f.request_id, f.connection_id, f.arrival_time, CAST(p.topic AS VARCHAR) AS topic, p.partition,
        p.fetch_offset, p.high_watermark, p.returned_bytes
    FROM fetches AS f
    INNER JOIN request_partitions AS p ON p.request_id = f.request_id
),
asked AS (
    SELECT
        p.request_id, p.topic, p.partition, p.high_watermark, p.returned_bytes,
        COALESCE(p.fetch_offset, o.fetch_offset) AS fetch_offset
    FROM fetched AS p
    ASOF JOIN (SELECT * FROM fetched WHERE fetch_offset >= 0) AS o
        MATCH_CONDITION (p.arrival_time >= o.arrival_time)
        ON o.connection_id = p.connection_id
        AND o.topic = p.topic
        AND o.partition = p.partition
),
bringing AS (
    SELECT
        s.client_message_id,
        f.request_id,
        f.source_id,
        f.arrival_time,
        f.end_time,
        f.previous_end_time,
        ROW_NUMBER() OVER (
            PARTITION BY s.client_message_id
            ORDER BY p.fetch_offset DESC, f.arrival_time, f.request_id
        ) AS place
    FROM slow_messages AS s
    INNER JOIN asked AS p
        ON p.topic = s.topic
        AND p.partition = s.partition
        AND p.fetch_offset <= s.message_offset
        AND s.message_offset < p.high_watermark
    INNER JOIN fetches AS f
        ON f.request_id = p.request_id
        AND f.client_id = s.consumer_id
    WHERE p.returned_bytes > 0
        AND s.consumed_ns IS NOT NULL
        AND f.end_time IS NOT NULL
)
SELECT client_message_id, request_id, source_id, arrival_time, end_time, previous_end_time
FROM bringing
WHERE place = 1
ORDER BY client_message_id
