-- Latency of produce requests by topic, topic-partition, client, file system and broker.
--
-- A request with several topics or partitions counts once for each.
-- @param  slo_ms         DOUBLE = 65 -- a request at least this
--                                       slow is over the objective
-- @column dimension      VARCHAR     -- topic, partition, client, file_system, or broker where
--                                       there are several
-- @column name           VARCHAR     -- its value
-- @column request_count  BIGINT      -- requests
-- @column p50_ms         DOUBLE      -- median latency
-- @column p99_ms         DOUBLE      -- 99th percentile
-- @column p999_ms        DOUBLE      -- 99.9th percentile
-- @column max_ms         DOUBLE      -- worst
-- @column slow_count     BIGINT      -- requests over the objective
-- @column slow_per_1000  DOUBLE      -- requests over the objective among
--                                       1,000 of all produce requests
WITH
answered AS (
    SELECT
        r.request_id,
        r.latency_ns / 1e6 AS latency_ms,
        r.client_id,
        s.broker,
        COUNT(*) OVER () AS all_count
    FROM recorded_requests AS r
    LEFT JOIN sources AS s ON s.source_id = r.source_id
    WHERE r.api = 'Produce'
        AND r.latency_ns IS NOT NULL
),
parts AS (
    SELECT
        p.request_id,
        CAST(p.topic AS VARCHAR) AS topic,
        p.partition,
        a.broker
    FROM recorded_partitions AS p
    INNER JOIN answered AS a ON a.request_id = p.request_id
    WHERE p.topic IS NOT NULL
),
file_systems AS (
    -- A broker's log lies in one file system.
    SELECT
        CAST(w.topic AS VARCHAR) AS topic,
        w.partition,
        s.broker,
        MIN(CAST(w.file_system AS VARCHAR)) AS file_system
    FROM writes AS w
    LEFT JOIN sources AS s ON s.source_id = w.source_id
    WHERE w.file_system IS NOT NULL
        AND w.topic IS NOT NULL
    GROUP BY w.topic, w.partition, s.broker
),
members AS (
    SELECT 1 AS rank, 'topic' AS dimension, topic AS name, request_id
    FROM parts
    UNION
    SELECT 2 AS rank, 'partition' AS dimension, concat_ws('-', topic, partition) AS name, request_id
    FROM parts
    UNION
    SELECT 3 AS rank, 'client' AS dimension, CAST(client_id AS VARCHAR) AS name, request_id
    FROM answered
    WHERE client_id IS NOT NULL
    UNION
    SELECT 4 AS rank, 'file_system' AS dimension, f.file_system AS name, p.request_id
    FROM parts AS p
    INNER JOIN file_systems AS f
        ON f.topic = p.topic
        AND f.partition = p.partition
        AND f.broker IS NOT DISTINCT FROM p.broker
    UNION
    SELECT 5 AS rank, 'broker' AS dimension, CAST(broker AS VARCHAR) AS name, request_id
    FROM answered
    WHERE broker IS NOT NULL
        AND (SELECT COUNT(DISTINCT broker) FROM sources) > 1
)
SELECT
    m.dimension,
    m.name,
    COUNT(*) AS request_count,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY a.latency_ms) AS p50_ms,
    percentile_cont(0.99) WITHIN GROUP (ORDER BY a.latency_ms) AS p99_ms,
    percentile_cont(0.999) WITHIN GROUP (ORDER BY a.latency_ms) AS p999_ms,
    MAX(a.latency_ms) AS max_ms,
    COUNT(*) FILTER (WHERE a.latency_ms >= $slo_ms) AS slow_count,
    1e3 * COUNT(*) FILTER (WHERE a.latency_ms >= $slo_ms) / MAX(a.all_count) AS slow_per_1000
FROM members AS m
INNER JOIN answered AS a ON a.request_id = m.request_id
GROUP BY m.rank, m.dimension, m.name
ORDER BY m.rank, m.name
