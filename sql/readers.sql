-- Who read far behind the ends of the logs, and what that cost others.
--
-- One row a client, group and topic. What is read behind the end is often no longer in the
-- page cache: the thread that reads it waits for the disk, and so do the other connections
-- of a network thread. The reads are those of 1 ms and more (see fetch_reads). The group is
-- what requests of the same client id from the same host name; null when none does.
-- @by_broker
-- @terminal client_id topic behind_max slow_read_ms blamed_requests blamed_ms | disk_read_count
--   client_host first_time
-- @column client_id      VARCHAR     -- client id of its fetches
-- @column client_host    VARCHAR     -- its address
-- @column group_id       VARCHAR     -- its group, or groups, separated by spaces
-- @column topic          VARCHAR     -- topic
-- @column partition_count BIGINT     -- partitions that it read
-- @column fetch_count    BIGINT      -- fetches that returned records of the topic
-- @column returned_bytes BIGINT      -- records returned, bytes
-- @column behind_max     BIGINT      -- how far it was behind at most: high watermark −
--                                       offset fetched, in records
-- @column behind_median  BIGINT      -- the median of that over its fetches
-- @column slow_read_count BIGINT     -- reads of the logs' files for it of 1 ms and more
-- @column slow_read_ms   DOUBLE      -- how long they took in all
-- @column disk_read_count BIGINT     -- those in which the thread had a request at the disk
-- @column blamed_requests BIGINT     -- slow requests of others that waited for them
-- @column blamed_ms      DOUBLE      -- their time behind these reads
-- @column first_time     TIMESTAMP   -- its first fetch of the topic
-- @column last_time      TIMESTAMP   -- the end of its last
WITH
clients AS (
    -- Each request's client, whatever its port.
    SELECT
        request_id, api,
        CASE WHEN time_slack_ns IS NOT NULL THEN arrival_time END AS arrival_time,
        CASE WHEN time_slack_ns IS NOT NULL THEN end_time END AS end_time,
        COALESCE(CAST(client_id AS VARCHAR), '') AS client_id,
        regexp_replace(CAST(client_address AS VARCHAR), ':[0-9]+$', '') AS host,
        CAST(group_id AS VARCHAR) AS group_id
    FROM recorded_requests
),
fetches AS (
    SELECT
        r.request_id,
        r.client_id,
        r.host,
        CAST(p.topic AS VARCHAR) AS topic,
        p.partition,
        p.returned_bytes,
        p.high_watermark - p.fetch_offset AS behind,
        r.arrival_time,
        r.end_time
    FROM recorded_partitions AS p
    INNER JOIN clients AS r ON r.request_id = p.request_id
    WHERE r.api = 'Fetch'
        AND p.returned_bytes > 0
),
client_groups AS (
    SELECT client_id, host, string_agg(group_id, ' ' ORDER BY group_id) AS group_id
    FROM (
        SELECT DISTINCT client_id, host, group_id
        FROM clients
        WHERE group_id IS NOT NULL
    )
    GROUP BY client_id, host
),
read_for AS (
    SELECT
        f.write_id, f.request_id, f.topic, f.start_time, f.end_time,
        d.write_id IS NOT NULL AS is_of_disk
    FROM fetch_reads AS f
    LEFT JOIN (
        SELECT DISTINCT f.write_id
        FROM fetch_reads AS f
        INNER JOIN block_io AS b
            ON b.tid = f.tid
            AND b.start_time < f.end_time
            AND f.start_time < b.end_time
    ) AS d ON d.write_id = f.write_id
),
blamed AS (
    SELECT
        f.request_id, f.topic, s.request_id AS blamed_id, s.segment_ns
    FROM fetch_reads AS f
    INNER JOIN request_segments AS s ON s.root_write_id = f.write_id
    WHERE s.request_id <> f.request_id
),
costs AS (
    SELECT
        r.client_id,
        r.host,
        b.topic,
        COUNT(DISTINCT b.blamed_id) AS blamed_requests,
        SUM(b.segment_ns) AS blamed_ns
    FROM blamed AS b
    INNER JOIN clients AS r ON r.request_id = b.request_id
    GROUP BY 1, 2, 3
),
reads AS (
    SELECT
        r.client_id,
        r.host,
        f.topic,
        COUNT(*) AS read_count,
        SUM(elapsed_ns(f.start_time, f.end_time)) AS read_ns,
        COUNT(*) FILTER (WHERE f.is_of_disk) AS disk_count
    FROM read_for AS f
    INNER JOIN clients AS r ON r.request_id = f.request_id
    GROUP BY 1, 2, 3
),
readers AS (
    SELECT
        client_id, host, topic,
        COUNT(DISTINCT partition) AS partition_count,
        COUNT(DISTINCT request_id) AS fetch_count,
        SUM(returned_bytes) AS returned_bytes,
        MAX(behind) AS behind_max,
        CAST(median(behind) AS BIGINT) AS behind_median,
        MIN(arrival_time) AS first_time,
        MAX(end_time) AS last_time
    FROM fetches
    GROUP BY client_id, host, topic
)
SELECT
    r.client_id,
    r.host AS client_host,
    g.group_id,
    r.topic,
    r.partition_count,
    r.fetch_count,
    r.returned_bytes,
    r.behind_max,
    r.behind_median,
    COALESCE(d.read_count, 0) AS slow_read_count,
    COALESCE(d.read_ns, 0) / 1e6 AS slow_read_ms,
    COALESCE(d.disk_count, 0) AS disk_read_count,
    COALESCE(c.blamed_requests, 0) AS blamed_requests,
    COALESCE(c.blamed_ns, 0) / 1e6 AS blamed_ms,
    r.first_time,
    r.last_time
FROM readers AS r
LEFT JOIN client_groups AS g
    ON g.client_id = r.client_id
    AND g.host = r.host
LEFT JOIN reads AS d
    ON d.client_id = r.client_id
    AND d.host = r.host
    AND d.topic = r.topic
LEFT JOIN costs AS c
    ON c.client_id = r.client_id
    AND c.host = r.host
    AND c.topic = r.topic
ORDER BY blamed_ms DESC, slow_read_ms DESC, behind_max DESC, r.client_id, r.host, r.topic
