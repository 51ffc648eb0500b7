-- Events that two recordings of one kind both have, so that they are in the tables twice.
--
-- Overlapping pieces of one trace, a file beside a copy that was edited, two dumps of one
-- JFR recording, two captures of the same packets: counts and sums of such rows are too
-- large. Rows are one event when they agree in what is compared and in the reading of
-- their recordings' clock; two recordings may be put into wall time a little differently.
--   writes            thread, operation, bytes, offset, length; or, at one offset of one
--                     file, two that overlap, as two tracers see one
--   lock_waits        thread, kind, lock, length
--   function_calls    thread, function, length
--   run_queue_waits   thread, length
--   block_io          sector, bytes, operation, length
--   socket_io         thread, operation, bytes, length
--   pauses            kind, name, length
--   stack_samples     thread, state
--   isr_changes       partition, change, set, replica, version
--   requests          client, API, correlation id, size, within a second
-- Recordings of different brokers are not compared: what passes between two is in both.
-- What two recorders of different kinds see is compared by `clock_ties`.
-- @column table_name      VARCHAR   -- the table that has them twice
-- @column source_id       BIGINT    -- one recording
-- @column other_source_id BIGINT    -- the other, with the higher number
-- @column event_count     BIGINT    -- events that both have
-- @column first_time      TIMESTAMP -- when the first of them began
-- @column last_time       TIMESTAMP -- and the last
WITH
recordings AS (
    SELECT
        source_id,
        kind,
        COALESCE(clock_offset_ns, 0) AS offset_ns,
        -- A clock that was found to drift is not turned back to the ns.
        CASE WHEN clock_drift_ppb = 0 THEN 2 ELSE 1000000 END AS slack_ns
    FROM sources
),
events AS (
    SELECT
        'writes' AS table_name,
        source_id,
        write_id AS row_id,
        tid AS subject,
        duration_ns,
        CONCAT_WS(' ', operation, bytes, file_offset) AS what,
        start_time
    FROM writes
    UNION ALL
    SELECT
        'lock_waits',
        source_id,
        lock_wait_id,
        tid,
        duration_ns,
        CONCAT_WS(' ', kind, lock_address),
        start_time
    FROM lock_waits
    UNION ALL
    SELECT
        'function_calls',
        source_id,
        function_call_id,
        tid,
        duration_ns,
        function,
        start_time
    FROM function_calls
    UNION ALL
    SELECT
        'run_queue_waits',
        source_id,
        run_queue_wait_id,
        tid,
        duration_ns,
        '',
        start_time
    FROM run_queue_waits
    UNION ALL
    SELECT
        'block_io',
        source_id,
        block_io_id,
        sector,
        duration_ns,
        CONCAT_WS(' ', operation, bytes),
        start_time
    FROM block_io
    UNION ALL
    SELECT
        'socket_io',
        source_id,
        socket_io_id,
        tid,
        duration_ns,
        CONCAT_WS(' ', operation, bytes),
        start_time
    FROM socket_io
    UNION ALL
    SELECT
        'pauses',
        source_id,
        pause_id,
        0,
        duration_ns,
        CONCAT_WS(' ', kind, name),
        start_time
    FROM pauses
    UNION ALL
    SELECT
        'stack_samples',
        source_id,
        stack_sample_id,
        tid,
        0,
        state,
        time
    FROM stack_samples
    WHERE time IS NOT NULL
    UNION ALL
    SELECT
        'isr_changes',
        source_id,
        isr_change_id,
        partition,
        0,
        CONCAT_WS(' ', change, topic, isr, replica_id, version),
        time
    FROM isr_changes
),
timed_events AS (
    SELECT
        events.*,
        COALESCE(recordings.kind, '') AS kind,
        CAST(events.start_time AS BIGINT) - COALESCE(recordings.offset_ns, 0) AS clock_ns,
        COALESCE(recordings.slack_ns, 2) AS slack_ns
    FROM events
    LEFT JOIN recordings ON recordings.source_id = events.source_id
),
same_events AS (
    SELECT
        a.table_name,
        a.source_id,
        b.source_id AS other_source_id,
        b.row_id,
        b.start_time
    FROM timed_events AS a
    JOIN timed_events AS b
        ON b.table_name = a.table_name
        AND b.kind = a.kind
        AND b.subject = a.subject
        AND b.duration_ns = a.duration_ns
        AND b.what = a.what
    WHERE
        a.source_id < b.source_id
        AND ABS(a.clock_ns - b.clock_ns) <= GREATEST(a.slack_ns, b.slack_ns)
    UNION ALL
    SELECT
        'writes',
        a.source_id,
        b.source_id,
        b.write_id,
        b.start_time
    FROM writes AS a
    JOIN writes AS b
        ON b.tid = a.tid
        AND b.operation = a.operation
        AND b.file_offset = a.file_offset
        AND b.bytes = a.bytes
        AND b.file = a.file
        AND b.start_time < a.end_time
        AND a.start_time < b.end_time
    LEFT JOIN recordings AS recorded_a ON recorded_a.source_id = a.source_id
    LEFT JOIN recordings AS recorded_b ON recorded_b.source_id = b.source_id
    WHERE
        a.source_id < b.source_id
        AND COALESCE(recorded_a.kind, '') = COALESCE(recorded_b.kind, '')
    UNION ALL
    SELECT
        'requests',
        a.source_id,
        b.source_id,
        b.request_id,
        b.arrival_time
    FROM requests AS a
    JOIN requests AS b
        ON b.client_address = a.client_address
        AND b.api_key = a.api_key
        AND b.correlation_id = a.correlation_id
        AND b.request_bytes = a.request_bytes
    WHERE
        a.source_id < b.source_id
        AND ABS(CAST(a.arrival_time AS BIGINT) - CAST(b.arrival_time AS BIGINT)) <= 1000000000
)
SELECT
    e.table_name,
    e.source_id,
    e.other_source_id,
    COUNT(DISTINCT e.row_id) AS event_count,
    MIN(e.start_time) AS first_time,
    MAX(e.start_time) AS last_time
FROM same_events AS e
LEFT JOIN sources AS a ON a.source_id = e.source_id
LEFT JOIN sources AS b ON b.source_id = e.other_source_id
WHERE a.broker IS NOT DISTINCT FROM b.broker
GROUP BY e.table_name, e.source_id, e.other_source_id
ORDER BY source_id, other_source_id, table_name
