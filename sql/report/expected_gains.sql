-- What the slow requests would be without each kind of wait, by replay and by account.
--
-- `kcorr report` fills the table `what_ifs`; `kcorr whatif --without KIND` gives the
-- same and more. The range is between two predictions for this recording; `run` is where
-- another run without those waits is expected (95 %), for other stalls come by chance.
-- Kinds do not add up.
-- @column kind           VARCHAR -- the waits taken away, as `kcorr whatif` names them
-- @column slow_count     BIGINT  -- slow requests as recorded
-- @column slow_low_count BIGINT  -- without those waits: at least
-- @column slow_high_count BIGINT -- at most
-- @column slow_run_low_count BIGINT -- in another run without them: at least
-- @column slow_run_high_count BIGINT -- at most
-- @column p999_ms        DOUBLE  -- 99.9th percentile of the latency as recorded
-- @column p999_low_ms    DOUBLE  -- without those waits: at least
-- @column p999_high_ms   DOUBLE  -- at most
WITH
slow AS (
    SELECT kind, before, after_low, after_high, run_low, run_high
    FROM what_ifs
    WHERE statistic = 'slow_count'
),
tail AS (
    SELECT kind, before, after_low, after_high
    FROM what_ifs
    WHERE statistic = 'p999_ms'
)
SELECT
    CAST(s.kind AS VARCHAR) AS kind,
    CAST(ROUND(s.before) AS BIGINT) AS slow_count,
    CAST(FLOOR(s.after_low) AS BIGINT) AS slow_low_count,
    CAST(CEIL(s.after_high) AS BIGINT) AS slow_high_count,
    CAST(FLOOR(s.run_low) AS BIGINT) AS slow_run_low_count,
    CAST(CEIL(s.run_high) AS BIGINT) AS slow_run_high_count,
    t.before AS p999_ms,
    t.after_low AS p999_low_ms,
    t.after_high AS p999_high_ms
FROM slow AS s
INNER JOIN tail AS t ON t.kind = s.kind
ORDER BY slow_high_count, p999_high_ms, kind
