-- What the recordings may miss that bears on each slow request.
--
-- Settings under which short waits or writes were not recorded, and losses: those that
-- fell into the request's time, or whose time is not known. Of a request that only the
-- broker's request log has, what that cannot see: how long it waited to be read, behind others
-- of its connection or on the network, and how long its response was on its way. Of an encrypted
-- one, how its line of the log was found (see turn_lines).
-- @column request_id     BIGINT      -- the request
-- @column limits         VARCHAR     -- settings with their value
--                                       and losses with their count
WITH
settings AS (
    SELECT
        string_agg(
            name || '=' || CAST(value AS VARCHAR), '; ' ORDER BY name, source_id
        ) AS text
    FROM limits
    WHERE name IN (
            'lock_interval_ns', 'monitor_threshold_ns', 'monitor_enabled', 'threshold_ns',
            'min_duration_ns', 'file_write_threshold_ns', 'native_lock_interval_ns',
            'time_resolution_ns', 'snap_length_bytes'
        )
),
lost AS (
    SELECT
        a.request_id,
        string_agg(
            l.kind || '=' || CAST(l.count AS VARCHAR), '; ' ORDER BY l.kind, l.source_id
        ) AS text
    FROM accounted_requests AS a
    INNER JOIN losses AS l
        ON (l.first_time IS NULL OR a.time_slack_ns IS NULL OR l.first_time < a.end_time)
        AND (l.last_time IS NULL OR a.time_slack_ns IS NULL OR a.arrival_time <= l.last_time)
    WHERE a.is_slow
        AND l.severity <> 'info'
    GROUP BY a.request_id
)
SELECT
    a.request_id,
    NULLIF(
        concat_ws(
            '; ',
            CASE WHEN NOT a.is_captured THEN 'not_captured=connection_queue,network' END,
            CASE WHEN a.time_slack_ns IS NULL THEN 'no_line_time' END,
            'encrypted=line_by_' || u.turn_matched_by,
            s.text,
            l.text
        ),
        ''
    ) AS limits
FROM accounted_requests AS a
CROSS JOIN settings AS s
LEFT JOIN lost AS l ON l.request_id = a.request_id
LEFT JOIN uncaptured_requests AS u ON u.request_id = a.request_id
WHERE a.is_slow
ORDER BY a.request_id
