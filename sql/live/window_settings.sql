-- What a broker ran on and with, as settings that may be changed: of a window of `kcorr live`.
--
-- One row a setting, by the recorded context. What is counted, or is another after each start
-- (process ids, clocks, free space), is none. A setting that is told of several log
-- directories has their values in one, each once.
-- @column name  VARCHAR -- the setting: of a log directory's file system `file_system`,
--                          `mount_options`, `data_mode`, `commit_s`, `fast_commit` and its
--                          device's queue; of the kernel, the control group and the broker what
--                          these call it (`vm.dirty_ratio`, `cpu.max`, `num.io.threads`);
--                          `kernel`, `jvm`, `jvm_flags` and `broker` for versions
-- @column value VARCHAR -- its value
WITH
latest AS (
    SELECT kind, instance, name, value
    FROM (
        SELECT
            CAST(kind AS VARCHAR) AS kind,
            COALESCE(CAST(instance AS VARCHAR), '') AS instance,
            CAST(name AS VARCHAR) AS name,
            value,
            ROW_NUMBER() OVER (
                -- The JVM has many flags, all of one name.
                PARTITION BY kind, instance, name, CASE WHEN name = 'flag' THEN value END
                ORDER BY time DESC, context_id DESC
            ) AS place
        FROM context
        WHERE kind IN ('log_directory', 'kernel', 'host', 'control_group', 'jvm', 'broker')
    ) AS r
    WHERE place = 1
),
options AS (
    -- The options of a mount have no defaults among them, those in force have.
    SELECT
        instance,
        ',' || COALESCE(
            MAX(CASE WHEN name = 'options_in_force' THEN value END),
            MAX(CASE WHEN name = 'mount_options' THEN value END)
        ) || ',' AS options
    FROM latest
    WHERE kind = 'log_directory'
    GROUP BY instance
),
found AS (
    SELECT name, value
    FROM latest
    WHERE kind = 'log_directory'
        AND name IN (
            'file_system', 'mount_options', 'fast_commit', 'scheduler', 'rotational',
            'nr_requests', 'write_cache', 'read_ahead_kb', 'wbt_lat_usec'
        )
    UNION ALL BY NAME
    SELECT
        'data_mode' AS name,
        NULLIF(SPLIT_PART(SPLIT_PART(options, ',data=', 2), ',', 1), '') AS value
    FROM options
    UNION ALL BY NAME
    SELECT
        'commit_s' AS name,
        NULLIF(SPLIT_PART(SPLIT_PART(options, ',commit=', 2), ',', 1), '') AS value
    FROM options
    UNION ALL BY NAME
    SELECT CASE name WHEN 'release' THEN 'kernel' ELSE name END AS name, value
    FROM latest
    WHERE kind = 'kernel'
        AND name <> 'version'
    UNION ALL BY NAME
    SELECT name, value
    FROM latest
    WHERE kind = 'host'
        AND name IN (
            'cpus_online', 'transparent_hugepage', 'clocksource', 'MemTotal_bytes',
            'SwapTotal_bytes'
        )
    UNION ALL BY NAME
    SELECT name, value
    FROM latest
    WHERE kind = 'control_group'
        AND name <> 'path'
        AND name NOT LIKE '%.stat.%'
        AND name NOT LIKE '%.events.%'
    UNION ALL BY NAME
    SELECT CASE name WHEN 'flag' THEN 'jvm_flags' ELSE 'jvm' END AS name, value
    FROM latest
    WHERE kind = 'jvm'
        AND name IN ('flag', 'version')
    UNION ALL BY NAME
    SELECT CASE name WHEN 'version' THEN 'broker' ELSE name END AS name, value
    FROM latest
    WHERE kind = 'broker'
        AND name NOT IN ('pid', 'pid_in_namespace')
)
SELECT name, string_agg(DISTINCT value, ' ' ORDER BY value) AS value
FROM found
WHERE value IS NOT NULL
    AND value <> ''
GROUP BY name
ORDER BY name
