-- What a broker's host, JVM and settings have now of what `advice` would change, and the
-- command that changes it, by the recorded context.
--
-- One row a change of which the context tells something, or, of a change to a file system, a
-- row for each that has log directories. Of several recordings of a broker's context the last
-- counts. A setting of the broker may be another for a topic, and one that is not in its file
-- may have been changed while it ran. A command is given only where names that it would have
-- in it are plain words. `followers` is none: the settings that make followers late are
-- theirs, not those of the broker that waits for them.
-- @by_broker
-- @column change  VARCHAR -- as in `advice`
-- @column device  VARCHAR -- device of the file system, as major:minor; null of what is no
--                            change to one
-- @column present VARCHAR -- the settings and their values, with the log directories of each
-- @column is_on   BOOLEAN -- whether all is so already as the change would make it; null
--                            where it is a matter of more or less
-- @column command VARCHAR -- what makes the change there; null where the values do not say
-- @column broker  INT     -- the broker; null when nothing tells
WITH
recorded AS (
    SELECT
        CAST(kind AS VARCHAR) AS kind,
        COALESCE(CAST(instance AS VARCHAR), '') AS instance,
        CAST(name AS VARCHAR) AS name,
        value,
        time,
        source_id,
        context_id,
        FIRST_VALUE(source_id) OVER (
            PARTITION BY kind ORDER BY time DESC, context_id DESC
        ) AS last_source_id
    FROM context
    WHERE kind IN (
        'log_directory', 'kernel', 'host', 'control_group', 'jvm', 'broker', 'recording'
    )
),
latest AS (
    SELECT kind, instance, name, value
    FROM (
        SELECT
            kind, instance, name, value,
            ROW_NUMBER() OVER (
                -- The JVM has many flags, all of one name.
                PARTITION BY kind, instance, name, CASE WHEN name = 'flag' THEN value END
                ORDER BY time DESC, context_id DESC
            ) AS place
        FROM recorded
        WHERE source_id = last_source_id
    ) AS r
    WHERE place = 1
),
directories AS (
    SELECT
        instance AS directory,
        MAX(CASE WHEN name = 'file_system' THEN value END) AS file_system,
        MAX(CASE WHEN name = 'device' THEN value END) AS device,
        MAX(CASE WHEN name = 'source' THEN value END) AS source,
        MAX(CASE WHEN name = 'mount_point' THEN value END) AS mount_point,
        -- The options of a mount have no defaults among them, those in force have.
        ',' || COALESCE(
            MAX(CASE WHEN name = 'options_in_force' THEN value END),
            MAX(CASE WHEN name = 'mount_options' THEN value END),
            ''
        ) || ',' AS options,
        MAX(CASE WHEN name = 'fast_commit' THEN value END) AS fast_commit
    FROM latest
    WHERE kind = 'log_directory'
    GROUP BY instance
),
mounts AS (
    -- Log directories of one file system are one matter.
    SELECT
        file_system,
        device,
        CASE WHEN regexp_like(source, '^[A-Za-z0-9/._:@%+-]+$') THEN source END
            AS plain_source,
        CASE WHEN regexp_like(mount_point, '^/[A-Za-z0-9/._:@%+-]*$') THEN mount_point END
            AS plain_point,
        COALESCE(source, device, mount_point) || ' ('
            || string_agg(directory, ', ' ORDER BY directory) || ')' AS place,
        NULLIF(SPLIT_PART(SPLIT_PART(options, ',data=', 2), ',', 1), '') AS data,
        TRY_CAST(SPLIT_PART(SPLIT_PART(options, ',commit=', 2), ',', 1) AS BIGINT)
            AS commit_s,
        fast_commit
    FROM directories
    WHERE file_system IS NOT NULL
    GROUP BY file_system, device, source, mount_point, options, fast_commit
),
of_mounts AS (
    SELECT
        'journal_writeback' AS change, device, place, 'data=' || data AS value,
        data = 'writeback' AS is_on,
        'tune2fs -o journal_data_writeback ' || plain_source AS command
    FROM mounts
    WHERE data IS NOT NULL
        AND file_system IN ('ext3', 'ext4')
    UNION ALL
    SELECT
        'journal_fast_commit' AS change, device, place,
        CASE WHEN fast_commit = 'true' THEN 'fast_commit' ELSE 'no fast_commit' END AS value,
        fast_commit = 'true' AS is_on,
        'tune2fs -O fast_commit ' || plain_source AS command
    FROM mounts
    WHERE fast_commit IS NOT NULL
        AND file_system = 'ext4'
    UNION ALL
    SELECT
        'journal_interval' AS change, device, place,
        'commit=' || CAST(commit_s AS VARCHAR) AS value,
        commit_s = 1 AS is_on,
        -- Half of it, and no more than the kernel has by itself.
        'mount -o remount,commit=' || CAST(LEAST((commit_s + 1) / 2, 5) AS VARCHAR) || ' '
            || plain_point AS command
    FROM mounts
    WHERE commit_s > 0
        AND file_system IN ('ext3', 'ext4')
    UNION ALL
    SELECT
        'journal_other_fs' AS change, device, place, file_system AS value,
        file_system NOT IN ('ext3', 'ext4') AS is_on,
        NULL AS command
    FROM mounts
),
limits AS (
    -- A quota of the CPU: microseconds of each period; none is `max`, or -1.
    SELECT
        CASE name WHEN 'cpu.max' THEN name ELSE 'cpu.cfs_quota_us' END AS name,
        value,
        value LIKE 'max%' OR value = '-1' AS is_none
    FROM latest
    WHERE kind = 'control_group'
        AND name IN ('cpu.max', 'cpu.cfs_quota_us')
),
quotas AS (
    -- Twice as much, where the group's place is known: of cgroup v1 each controller has its own.
    SELECT
        l.name, l.value, l.is_none,
        'echo "' || CAST(2 * TRY_CAST(SPLIT_PART(l.value, ' ', 1) AS BIGINT) AS VARCHAR)
            || ' ' || CAST(TRY_CAST(SPLIT_PART(l.value, ' ', 2) AS BIGINT) AS VARCHAR)
            || '" > ' || p.value || '/cpu.max' AS command
    FROM limits AS l
    LEFT JOIN latest AS p
        ON p.kind = 'control_group'
        AND p.name = 'path'
        AND l.name = 'cpu.max'
        AND regexp_like(p.value, '^/[A-Za-z0-9/._:@%+-]*$')
),
broker_id AS (
    -- Only a broker whose file could be read has one.
    SELECT MAX(TRY_CAST(value AS BIGINT)) AS id
    FROM latest
    WHERE kind = 'broker'
        AND name IN ('node.id', 'broker.id')
),
defaults AS (
    -- Settings of the broker that bear on a change, and their values where its file has none;
    -- `other` is what to set it to while the broker runs, where it takes that: `twice` as much
    -- is the most, `none` is no limit at all.
    SELECT *
    FROM (
        VALUES
        ('fsync', 'log.flush.interval.messages', 'not set', 'none'),
        ('fsync', 'log.flush.interval.ms', 'not set', 'none'),
        ('more_handlers', 'num.io.threads', '8', 'twice'),
        ('network_threads', 'num.network.threads', '3', 'twice'),
        ('reconnect_storm', 'max.connection.creation.rate', '2147483647', NULL),
        ('reconnect_storm', 'num.network.threads', '3', NULL),
        ('window_scaling', 'socket.listen.backlog.size', '50', NULL),
        ('broker_buffer', 'socket.receive.buffer.bytes', '102400', NULL),
        ('more_cpu', 'compression.type', 'producer', 'producer')
    ) AS t (change, name, value, other)
),
settings AS (
    SELECT
        d.change,
        d.name,
        COALESCE(l.value, d.value) AS value,
        l.value IS NULL AS is_default,
        -- The kernel then finds the size of the buffer by itself.
        CASE WHEN d.change = 'broker_buffer' THEN COALESCE(l.value, '') = '-1' END AS is_on,
        'kafka-configs.sh --bootstrap-server BROKER --entity-type brokers --entity-name '
            || CAST(b.id AS VARCHAR) || ' --alter --add-config ' || d.name || '='
            || CASE
                WHEN d.other = 'none' AND l.value IS NOT NULL THEN '9223372036854775807'
                WHEN d.other = 'twice' THEN
                    CAST(2 * TRY_CAST(COALESCE(l.value, d.value) AS BIGINT) AS VARCHAR)
                WHEN d.other = 'producer' AND l.value <> d.other THEN d.other
            END AS command
    FROM defaults AS d
    INNER JOIN broker_id AS b ON b.id IS NOT NULL
    LEFT JOIN latest AS l
        ON l.kind = 'broker'
        AND l.name = d.name
),
known_flags AS (
    SELECT *
    FROM (
        VALUES
        ('gc_log_disk', '-Xlog:async'),
        ('gc_log_disk', '-XX:+PerfDisableSharedMem'),
        ('late_threads', '-XX:+SafepointTimeout')
    ) AS t (change, flag)
),
flags AS (
    -- Of a JVM of which any flag was told.
    SELECT
        k.change,
        k.flag,
        MAX(CASE
            WHEN l.value = k.flag OR l.value LIKE k.flag || ':%' THEN l.value
        END) AS value
    FROM latest AS l
    CROSS JOIN known_flags AS k
    WHERE l.kind = 'jvm'
        AND l.name = 'flag'
    GROUP BY k.change, k.flag
),
heaps AS (
    SELECT 'gc' AS change, value
    FROM latest
    WHERE kind = 'jvm'
        AND name = 'flag'
        AND regexp_like(value, '^-Xm[nsx]|^-XX:\+Use[A-Za-z0-9]*GC$|^-XX:MaxGCPauseMillis=')
),
known_kernel AS (
    SELECT *
    FROM (
        VALUES
        ('dirty_limit', 'vm.dirty_ratio', FALSE),
        ('dirty_limit', 'vm.dirty_bytes', FALSE),
        ('dirty_limit', 'vm.dirty_background_ratio', TRUE),
        ('dirty_limit', 'vm.dirty_background_bytes', TRUE),
        ('window_scaling', 'net.core.somaxconn', FALSE)
    ) AS t (change, name, is_halved)
),
kernel AS (
    SELECT
        k.change,
        l.name,
        l.value,
        CASE WHEN k.is_halved AND TRY_CAST(l.value AS BIGINT) > 1 THEN
            'sysctl -w ' || l.name || '='
                || CAST(TRY_CAST(l.value AS BIGINT) / 2 AS VARCHAR)
        END AS command
    FROM latest AS l
    INNER JOIN known_kernel AS k ON k.name = l.name
    WHERE l.kind = 'kernel'
        -- Of a ratio and its bytes, the one that is not in force is 0.
        AND (l.value <> '0' OR l.name NOT LIKE 'vm.dirty%')
),
found AS (
    SELECT
        change, device, value || ' on ' || place AS present, is_on,
        CASE WHEN NOT is_on THEN command END AS command
    FROM of_mounts
    UNION ALL BY NAME
    SELECT
        change,
        name || ' ' || value
            || CASE WHEN is_default AND value <> 'not set' THEN ' (the default)' ELSE '' END
            AS present,
        is_on,
        command
    FROM settings
    UNION ALL BY NAME
    SELECT
        change,
        CASE WHEN value IS NULL THEN 'no ' || flag ELSE value END AS present,
        value IS NOT NULL AS is_on
    FROM flags
    UNION ALL BY NAME
    SELECT change, value AS present
    FROM heaps
    UNION ALL BY NAME
    SELECT change, name || ' ' || value AS present, command
    FROM kernel
    UNION ALL BY NAME
    SELECT
        'cpu_quota' AS change, name || ' ' || value AS present, is_none AS is_on,
        CASE WHEN NOT is_none THEN command END AS command
    FROM quotas
    UNION ALL BY NAME
    SELECT 'more_cpu' AS change, name || ' ' || value AS present
    FROM limits
    WHERE NOT is_none
    UNION ALL BY NAME
    SELECT 'more_cpu' AS change, 'CPUs ' || value AS present
    FROM latest
    WHERE kind = 'host'
        AND name = 'cpus_online'
    UNION ALL BY NAME
    SELECT 'record_more' AS change, instance || ' left out (' || value || ')' AS present
    FROM latest
    WHERE kind = 'recording'
        AND name = 'left_out'
),
commands AS (
    SELECT change, device, string_agg(DISTINCT command, ' && ' ORDER BY command) AS command
    FROM found
    WHERE command IS NOT NULL
    GROUP BY change, device
),
settled AS (
    SELECT
        change,
        device,
        string_agg(DISTINCT present, '; ' ORDER BY present) AS present,
        MIN(CASE WHEN is_on THEN 1 WHEN NOT is_on THEN 0 END) = 1 AS is_on
    FROM found
    GROUP BY change, device
)
SELECT
    s.change,
    s.device,
    s.present,
    s.is_on,
    c.command,
    (SELECT MIN(broker) FROM sources) AS broker
FROM settled AS s
LEFT JOIN commands AS c
    ON c.change = s.change
    AND c.device IS NOT DISTINCT FROM s.device
ORDER BY s.change, s.device
