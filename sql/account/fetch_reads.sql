-- Which fetch each slow read of a log's records was for.
--
-- A handler looks for the place of the first record, and reads there (pread); a network
-- thread sends the records (sendfile; read, where they are encrypted). A read is of a fetch
-- of the same topic-partition that was open then and got records, by what tells most:
--   file_offset   the place that it read is in the batches that were returned, by the
--                 segments
--   segment       its file begins at or before the offset that was fetched, no other fetch could
--                 be it, and a sendfile of that fetch begins as its answer's first byte leaves, or
--                 ends as its last does (whoever reads on and on has a fetch open always)
--   response      it could be of several by either, and one of them alone was being answered as
--                 the thread began to send: the answer's first bytes leave before its records
-- A handler reads before the answer leaves; whoever else reads does so when its first byte has left, or else
-- until its last one does. A read that could still be of several fetches is of none.
-- @materialized
-- @param  clock_slack_ms DOUBLE = 1  -- how far the recordings' clocks may be apart
-- @param  min_read_ms    DOUBLE = 1  -- shorter reads are left out
-- @param  begin_ms       DOUBLE = 10 -- after an answer's first byte its records are sent so soon:
--                                       the thread may have to wait for a CPU in between
-- @column write_id       BIGINT      -- the read: writes.write_id
-- @column request_id     BIGINT      -- the fetch
-- @column topic          VARCHAR     -- topic
-- @column partition      INT         -- partition
-- @column tid            INT         -- the thread that read
-- @column operation      VARCHAR     -- sendfile, pread, read
-- @column start_time     TIMESTAMP   -- start of the read
-- @column end_time       TIMESTAMP   -- its end
-- @column bytes          BIGINT      -- bytes read
-- @column matched_by     VARCHAR     -- as above
-- @column confidence     DOUBLE      -- how sure it is, 0 to 1
WITH
others AS (
    -- Threads that are known to be no handlers: those do not look for what is fetched.
    SELECT tid
    FROM thread_names
    WHERE thread_name NOT LIKE '%kafka-request-handler-%'
        AND name_count = 1
    UNION
    SELECT tid
    FROM connection_threads
),
reads AS (
    SELECT
        w.write_id, CAST(w.operation AS VARCHAR) AS operation, w.start_time, w.end_time, w.tid, w.bytes,
        w.file_offset, w.segment_base_offset,
        CAST(w.topic AS VARCHAR) AS topic,
        w.partition,
        add_ns(w.start_time, -60000000000) AS earliest_time,
        w.operation = 'sendfile' OR o.tid IS NOT NULL AS is_sending
    FROM writes AS w
    LEFT JOIN others AS o ON o.tid = w.tid
    WHERE file_operation(w.operation) = 'read'
        AND w.file_kind = 'log'
        AND w.topic IS NOT NULL
        AND w.tid IS NOT NULL
        AND w.duration_ns >= $min_read_ms * 1e6
),
candidates AS (
    SELECT
        w.write_id, w.operation, w.start_time, w.end_time, w.tid, w.bytes, w.file_offset,
        w.segment_base_offset, w.topic, w.partition,
        r.request_id, p.fetch_offset, p.returned_bytes,
        -- Null where nothing tells when it was answered.
        w.operation = 'sendfile'
            AND add_ns(r.response_time, CAST(-$clock_slack_ms * 1e6 AS BIGINT)) <= w.start_time
            AND w.start_time < add_ns(r.end_time, CAST($clock_slack_ms * 1e6 AS BIGINT)) AS is_answered,
        -- The thread writes the beginning of an answer, and then the kernel reads and sends its records.
        NOT w.is_sending
            OR r.response_time IS NULL
            OR elapsed_ns(r.response_time, w.start_time)
                BETWEEN -$clock_slack_ms * 1e6 AND $begin_ms * 1e6
            OR abs(elapsed_ns(w.end_time, r.end_time)) <= $clock_slack_ms * 1e6 AS is_at_answer,
        NOT w.is_sending
            OR r.response_time IS NULL
            OR (
                elapsed_ns(r.response_time, w.end_time) >= -$clock_slack_ms * 1e6
                AND (
                    elapsed_ns(r.response_time, w.start_time) >= -$clock_slack_ms * 1e6
                    OR abs(elapsed_ns(w.end_time, r.end_time)) <= $clock_slack_ms * 1e6
                )
            ) AS is_of_answer,
        -- The next fetch of a client may arrive as the read for the one before ends.
        ROW_NUMBER() OVER (
            PARTITION BY w.write_id, r.connection_id
            ORDER BY
                overlap_ns(w.start_time, w.end_time, r.arrival_time, r.end_time) DESC,
                r.request_id
        ) AS place
    FROM reads AS w
    INNER JOIN recorded_partitions AS p
        ON p.topic = w.topic
        AND p.partition = w.partition
        AND p.arrival_time >= w.earliest_time
        AND p.arrival_time < w.end_time
    INNER JOIN recorded_requests AS r ON r.request_id = p.request_id
    LEFT JOIN connection_threads AS t ON t.connection_id = r.connection_id
    LEFT JOIN request_handlers AS h ON h.tid = w.tid
    WHERE r.api = 'Fetch'
        AND p.returned_bytes > 0
        AND p.fetch_offset >= COALESCE(w.segment_base_offset, p.fetch_offset)
        AND add_ns(r.end_time, CAST($clock_slack_ms * 1e6 AS BIGINT)) > w.start_time
        AND add_ns(r.arrival_time, CAST(-$clock_slack_ms * 1e6 AS BIGINT)) < w.end_time
        AND (w.operation <> 'sendfile' OR COALESCE(t.tid, w.tid) = w.tid)
        AND (
            h.tid IS NULL
            OR r.response_time IS NULL
            OR w.start_time < add_ns(r.response_time, CAST($clock_slack_ms * 1e6 AS BIGINT))
        )
        -- What a thread sends is no more than what was returned.
        AND (w.operation <> 'sendfile' OR w.bytes IS NULL OR w.bytes <= p.returned_bytes)
),
placed AS (
    -- Where the records that it asked for begin, and whether the read is there.
    SELECT
        c.write_id,
        c.request_id,
        MIN(b.file_offset) AS first_place,
        BOOL_OR(
            c.file_offset >= b.file_offset
                AND c.file_offset < b.file_offset + c.returned_bytes
        ) AS is_there
    FROM candidates AS c
    INNER JOIN log_batches AS b
        ON b.topic = c.topic
        AND b.partition = c.partition
        AND b.base_offset <= c.fetch_offset
        AND c.fetch_offset <= b.last_offset
        AND b.segment_base_offset = c.segment_base_offset
    GROUP BY c.write_id, c.request_id
),
fitting AS (
    SELECT
        c.*,
        COALESCE(l.is_there, FALSE) AS is_there
    FROM candidates AS c
    LEFT JOIN placed AS l
        ON l.write_id = c.write_id
        AND l.request_id = c.request_id
    -- A handler reads a little before the records, from where the index points to: some kB, and a batch.
    WHERE c.place = 1
        AND (
            COALESCE(l.is_there, TRUE)
            OR (
                c.operation <> 'sendfile'
                AND c.file_offset BETWEEN l.first_place - 1048576 AND l.first_place
            )
        )
),
counted AS (
    SELECT
        *,
        COUNT(*) OVER (PARTITION BY write_id) AS candidate_count,
        BOOL_OR(is_at_answer) OVER (PARTITION BY request_id, operation) AS is_sent,
        COUNT(*) FILTER (WHERE is_there) OVER (PARTITION BY write_id) AS there_count,
        COUNT(*) FILTER (WHERE COALESCE(is_answered, TRUE)) OVER (PARTITION BY write_id) AS answered_count,
        COUNT(*) FILTER (WHERE is_there AND COALESCE(is_answered, TRUE)) OVER (PARTITION BY write_id)
            AS answered_there_count
    FROM fitting
)
SELECT
    write_id,
    request_id,
    topic,
    partition,
    tid,
    operation,
    start_time,
    end_time,
    bytes,
    CASE
        WHEN is_there AND there_count = 1 THEN 'file_offset'
        WHEN there_count = 0 AND candidate_count = 1 THEN 'segment'
        ELSE 'response'
    END AS matched_by,
    CASE WHEN is_there AND there_count = 1 THEN 1.0 ELSE 0.9 END AS confidence
FROM counted
WHERE (is_there AND there_count = 1)
    OR (there_count = 0 AND candidate_count = 1 AND is_sent AND is_of_answer)
    OR (is_there AND there_count > 1 AND is_answered AND answered_there_count = 1)
    OR (there_count = 0 AND candidate_count > 1 AND is_answered AND answered_count = 1)
ORDER BY start_time, write_id
