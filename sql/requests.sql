-- The requests of a broker as its clients saw them, by arrival: one row a
-- topic-partition.
--
-- Requests of other APIs than produce and fetch have one row without topic and
-- partition. Those that only the broker's request log has are among them.
-- @terminal arrival_time client_id api topic partition latency_ms | client_address error_code
-- @param  api            VARCHAR = NULL -- only this API, for example Produce
-- @param  topic          VARCHAR = NULL -- only this topic
-- @column arrival_time   TIMESTAMP      -- first byte of the request on the wire; of one that only
--                                          the request log has, when it was read; null when
--                                          nothing tells that
-- @column end_time       TIMESTAMP      -- last byte of the response;
--                                          null when there was none
-- @column latency_ms     DOUBLE         -- from the first byte of the request
--                                          to the last of the response
-- @column message_id     VARCHAR        -- ids of the messages, separated by spaces
-- @column topic          VARCHAR        -- topic
-- @column partition      INT            -- partition
-- @column api            VARCHAR        -- API
-- @column client_id      VARCHAR        -- client id
-- @column client_address VARCHAR        -- ip:port of the client
-- @column correlation_id INT            -- correlation id
-- @column records_bytes  BIGINT         -- size of the record batches
-- @column base_offset    BIGINT         -- offset of the first record
-- @column error_code     SMALLINT       -- error code of the partition,
--                                          or of the request
-- @column request_id     BIGINT         -- id of the request
SELECT
    CASE WHEN r.time_slack_ns IS NOT NULL THEN r.arrival_time END AS arrival_time,
    CASE WHEN r.time_slack_ns IS NOT NULL THEN r.end_time END AS end_time,
    r.latency_ns / 1e6 AS latency_ms,
    array_to_string(p.message_ids, ' ') AS message_id,
    p.topic,
    p.partition,
    r.api,
    r.client_id,
    r.client_address,
    r.correlation_id,
    p.records_bytes,
    p.base_offset,
    COALESCE(p.error_code, r.error_code) AS error_code,
    r.request_id
FROM recorded_requests AS r
LEFT JOIN recorded_partitions AS p ON p.request_id = r.request_id
WHERE ($api IS NULL OR r.api = $api)
    AND ($topic IS NULL OR p.topic = $topic)
ORDER BY arrival_time, r.request_id, p.topic, p.partition
