-- The batches of produce requests to the logs around the accounted requests, and when each
-- can have been appended.
-- @materialized
-- @param  clock_slack_ms DOUBLE = 1  -- how far the recordings' clocks may be apart
-- @column request_partition_id BIGINT -- the topic-partition of the request
-- @column request_id     BIGINT      -- the request
-- @column topic          VARCHAR     -- topic
-- @column partition      INT         -- partition
-- @column records_bytes  BIGINT      -- size of the batch
-- @column base_offset    BIGINT      -- offset of its first record
-- @column record_count   BIGINT      -- records in it
-- @column end_time       TIMESTAMP   -- last byte of the response
-- @column search_start   TIMESTAMP   -- it was appended after that
-- @column search_end     TIMESTAMP   -- and before that
WITH
near_partitions AS (
    SELECT
        p.request_partition_id, p.request_id, p.topic, p.partition, p.records_bytes, p.base_offset,
        p.record_count
    FROM log_times AS n
    INNER JOIN recorded_partitions AS p
        ON p.topic = n.topic
        AND p.partition = n.partition
        AND p.arrival_time >= n.start_time
        AND p.arrival_time < n.end_time
),
spans AS (
    SELECT MIN(start_time) AS start_time, MAX(end_time) AS end_time
    FROM log_times
),
near_requests AS (
    SELECT
        r.request_id, r.connection_id, r.api, r.arrival_time, r.read_time, r.response_time, r.end_time,
        r.is_captured, r.time_slack_ns
    FROM spans AS n
    INNER JOIN recorded_requests AS r
        ON r.arrival_time >= n.start_time
        AND r.arrival_time < n.end_time
    WHERE r.api = 'Produce'
        AND r.end_time IS NOT NULL
        AND r.time_slack_ns <= 5000000
),
served AS (
    -- As in services, but of these only.
    SELECT
        request_id,
        COALESCE(response_time, end_time) AS response_time,
        end_time,
        time_slack_ns,
        LEAST(
            end_time,
            GREATEST(
                arrival_time,
                read_time,
                MAX(CASE WHEN is_captured THEN end_time END) OVER (
                    PARTITION BY connection_id
                    ORDER BY arrival_time, request_id
                    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                )
            )
        ) AS service_start
    FROM near_requests
)
SELECT
    p.request_partition_id,
    p.request_id,
    CAST(p.topic AS VARCHAR) AS topic,
    p.partition,
    p.records_bytes,
    p.base_offset,
    p.record_count,
    s.end_time,
    add_ns(s.service_start, CAST(-$clock_slack_ms * 1e6 AS BIGINT) - s.time_slack_ns) AS search_start,
    add_ns(s.response_time, CAST($clock_slack_ms * 1e6 AS BIGINT) + s.time_slack_ns) AS search_end
FROM near_partitions AS p
INNER JOIN served AS s ON s.request_id = p.request_id
ORDER BY search_start, request_partition_id
