-- Every slow request as a trace: a span for the request, and one for each segment of its
-- time.
--
-- A segment shorter than `min_ms` is joined to the one before it, or at the beginning to the
-- one behind it, so that the spans still fill the request. Such a span tells of its longest
-- segment; `joined_ms` is what the others in it took.
-- @by_broker
-- @param  min_ms         DOUBLE = 1  -- shorter segments are joined to others; 0 for none
-- @column request_id     BIGINT      -- the request: its spans are one trace
-- @column place          BIGINT      -- number of the span in its trace: 0 the request,
--                                       from 1 its segments
-- @column recording      VARCHAR     -- hash of the recording that the request is in,
--                                       to tell stores apart
-- @column name           VARCHAR     -- name of the span
-- @column start_time     TIMESTAMP   -- start
-- @column end_time       TIMESTAMP   -- end
-- @column cause          VARCHAR     -- the verdict; of a segment what the time went to
-- @column confidence     DOUBLE      -- how sure the cause is, 0 to 1
-- @column write_state    VARCHAR     -- of a segment: what the
--                                       write at its root was doing
-- @column topic          VARCHAR     -- topics of the request, separated by spaces
-- @column client_id      VARCHAR     -- client id
-- @column client_address VARCHAR     -- ip:port of the client
-- @column server_address VARCHAR     -- ip:port of the broker
-- @column correlation_id INT         -- correlation id
-- @column api            VARCHAR     -- API
-- @column api_version    SMALLINT    -- version of the request
-- @column request_bytes  BIGINT      -- size of the request
-- @column error_code     SMALLINT    -- error code of the response
-- @column thread_name    VARCHAR     -- of a segment: thread of the write at its root
-- @column file           VARCHAR     -- of a segment: file of that write
-- @column lock_class     VARCHAR     -- of a segment: class of the lock it waited for
-- @column root_write_id  BIGINT      -- of a segment: the write at its root
-- @column linked_request_id BIGINT   -- of a segment: the slow request whose write,
--                                       or which itself, it waited for
-- @column joined_ms      DOUBLE      -- of a segment: time of the shorter ones that are joined to
--                                       it; null where there are none
WITH
verdicts AS (
    SELECT request_id, cause, confidence
    FROM request_verdicts
),
topics AS (
    SELECT
        request_id,
        string_agg(topic, ' ' ORDER BY topic) AS topic
    FROM (
        SELECT DISTINCT request_id, CAST(topic AS VARCHAR) AS topic
        FROM recorded_partitions
    )
    GROUP BY request_id
),
writers AS (
    SELECT o.write_id, MIN(o.request_id) AS request_id
    FROM own_writes AS o
    INNER JOIN verdicts AS v ON v.request_id = o.request_id
    GROUP BY o.write_id
),
numbered AS (
    -- Each long segment begins a span.
    SELECT
        *,
        GREATEST(
            1,
            SUM(CASE WHEN segment_ns >= $min_ms * 1e6 THEN 1 ELSE 0 END) OVER (
                PARTITION BY request_id
                ORDER BY start_time
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
            )
        ) AS place
    FROM request_segments
),
joined AS (
    SELECT
        *,
        MIN(start_time) OVER (PARTITION BY request_id, place) AS first_time,
        MAX(end_time) OVER (PARTITION BY request_id, place) AS last_time,
        SUM(segment_ns) OVER (PARTITION BY request_id, place) - segment_ns AS joined_ns,
        ROW_NUMBER() OVER (
            PARTITION BY request_id, place ORDER BY segment_ns DESC, start_time
        ) AS length_place
    FROM numbered
),
spans AS (
    SELECT
        v.request_id,
        0 AS place,
        r.api AS name,
        r.arrival_time AS start_time,
        r.end_time,
        v.cause,
        v.confidence,
        CAST(NULL AS VARCHAR) AS write_state,
        CAST(NULL AS VARCHAR) AS lock_class,
        CAST(NULL AS BIGINT) AS root_write_id,
        CAST(NULL AS BIGINT) AS linked_request_id,
        CAST(NULL AS BIGINT) AS joined_ns
    FROM verdicts AS v
    INNER JOIN recorded_requests AS r ON r.request_id = v.request_id
    UNION ALL
    SELECT
        s.request_id,
        s.place,
        s.segment AS name,
        s.first_time AS start_time,
        s.last_time AS end_time,
        s.cause,
        s.confidence,
        s.write_state,
        s.lock_class,
        s.root_write_id,
        COALESCE(a.request_id, NULLIF(w.request_id, s.request_id)) AS linked_request_id,
        NULLIF(s.joined_ns, 0) AS joined_ns
    FROM joined AS s
    LEFT JOIN verdicts AS a ON a.request_id = s.ahead_request_id
    LEFT JOIN writers AS w ON w.write_id = s.root_write_id
    WHERE s.length_place = 1
)
SELECT
    s.request_id,
    s.place,
    c.content_hash AS recording,
    CAST(s.name AS VARCHAR) AS name,
    s.start_time,
    s.end_time,
    s.cause,
    s.confidence,
    s.write_state,
    t.topic,
    CAST(r.client_id AS VARCHAR) AS client_id,
    CAST(r.client_address AS VARCHAR) AS client_address,
    CAST(r.server_address AS VARCHAR) AS server_address,
    r.correlation_id,
    CAST(r.api AS VARCHAR) AS api,
    r.api_version,
    r.request_bytes,
    r.error_code,
    COALESCE(n.thread_name, w.comm) AS thread_name,
    NULLIF(concat_ws('/', w.directory, w.file), '') AS file,
    CAST(s.lock_class AS VARCHAR) AS lock_class,
    s.root_write_id,
    s.linked_request_id,
    s.joined_ns / 1e6 AS joined_ms
FROM spans AS s
INNER JOIN recorded_requests AS r ON r.request_id = s.request_id
INNER JOIN sources AS c ON c.source_id = r.source_id
LEFT JOIN topics AS t ON t.request_id = s.request_id
LEFT JOIN writes AS w ON w.write_id = s.root_write_id
LEFT JOIN thread_names AS n ON n.tid = w.tid
WHERE r.time_slack_ns IS NOT NULL
ORDER BY request_id, place
