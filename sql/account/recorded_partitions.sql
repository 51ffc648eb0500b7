-- The topic-partitions of the requests of all recordings (see recorded_requests).
-- @column request_partition_id BIGINT -- the row of request_partitions, or of
--                                       broker_request_partitions
-- @column source_id      BIGINT      -- the recording
-- @column request_id     BIGINT      -- the request
-- @column arrival_time   TIMESTAMP   -- its arrival
-- @column topic          VARCHAR     -- topic
-- @column topic_id       VARCHAR     -- topic id
-- @column partition      INT         -- partition
-- @column records_bytes  BIGINT      -- Produce: size of the batches
-- @column record_count   BIGINT      -- Produce: number of records; null by the log
-- @column base_offset    BIGINT      -- Produce: offset of the first record
-- @column message_ids    VARCHAR[]   -- ids in the record headers; null by the log
-- @column compression    VARCHAR     -- codec of the first batch; null by the log
-- @column producer_id    BIGINT      -- producer id of the first batch; null by the log
-- @column error_code     SMALLINT    -- error code of the partition
-- @column fetch_offset   BIGINT      -- Fetch: offset asked for
-- @column returned_bytes BIGINT      -- Fetch: size of the records in the response
-- @column high_watermark BIGINT      -- Fetch: high watermark in the response
SELECT
    request_partition_id, source_id, request_id, arrival_time, topic, topic_id, partition,
    records_bytes, record_count, base_offset, message_ids, compression, producer_id, error_code,
    fetch_offset, returned_bytes, high_watermark
FROM request_partitions
UNION ALL BY NAME
SELECT
    request_partition_id, source_id, request_id, arrival_time, topic, topic_id, partition,
    records_bytes, base_offset, error_code, fetch_offset, returned_bytes, high_watermark
FROM logged_partitions
