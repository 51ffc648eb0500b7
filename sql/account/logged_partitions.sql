-- The topic-partitions of the requests that only the broker's request log has.
--
-- JSON (KIP-673) prints those of produce and fetch requests, older text those of produce
-- requests.
-- @materialized
-- @column request_partition_id BIGINT -- the row: its broker_request_partition_id
-- @column source_id      BIGINT      -- the log
-- @column request_id     BIGINT      -- the request (see uncaptured_requests)
-- @column arrival_time   TIMESTAMP   -- the network thread had read it
-- @column topic          VARCHAR     -- topic; null when the line names it by an id that nothing
--                                       resolves
-- @column topic_id       VARCHAR     -- topic id
-- @column partition      INT         -- partition
-- @column records_bytes  BIGINT      -- Produce: size of the batches
-- @column base_offset    BIGINT      -- Produce: offset of the first record
-- @column error_code     SMALLINT    -- error code of the partition
-- @column fetch_offset   BIGINT      -- Fetch: offset asked for
-- @column returned_bytes BIGINT      -- Fetch: size of the records in the response
-- @column high_watermark BIGINT      -- Fetch: high watermark in the response
SELECT
    p.broker_request_partition_id AS request_partition_id,
    p.source_id,
    p.broker_request_id AS request_id,
    r.arrival_time,
    COALESCE(p.topic, n.topic) AS topic,
    p.topic_id,
    p.partition,
    p.records_bytes,
    p.base_offset,
    p.error_code,
    p.fetch_offset,
    p.returned_bytes,
    p.high_watermark
FROM broker_request_partitions AS p
INNER JOIN uncaptured_requests AS r ON r.request_id = p.broker_request_id
LEFT JOIN (
    SELECT topic_id, MIN(topic) AS topic
    FROM topics
    GROUP BY topic_id
) AS n ON n.topic_id = p.topic_id
ORDER BY r.arrival_time, p.broker_request_partition_id
