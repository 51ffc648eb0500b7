-- The clock of every recording: what it was declared to be, and what the data say of it.
--
-- Times are stored aligned: `refined_ms` and the drift are in them. A verdict is one of
--   reference    its clock is taken for wall time
--   agrees       the data confirm the declared clock
--   refined      nothing was declared, or a guess; the data tell
--   contradicts  the data contradict the declared clock, and are used
--   stepped      it, or what it is tied to, was set while it was recorded
--   ambiguous    the data fit at several offsets; not checked
--   untied       nothing in the data ties it to another recording; not checked
--   unchecked    the check failed; clock_fits.detail says why
-- @terminal source_id kind verdict refined_ms uncertainty_us | drift_ppm path
-- @column source_id           BIGINT  -- the recording
-- @column kind                VARCHAR -- the flag it was given with
-- @column clock               VARCHAR -- the clock its times were read on
-- @column verdict             VARCHAR -- as above
-- @column refined_ms          DOUBLE  -- what the data add to the declared clock,
--                                        amid the recording
-- @column drift_ppm           DOUBLE  -- µs a second that come to it
-- @column uncertainty_us      DOUBLE  -- half width of the interval
--                                        that its times lie in
-- @column agreeing_count      BIGINT  -- pairs of rows that bear the alignment out
-- @column observation_count   BIGINT  -- pairs of rows near enough to tell
-- @column residual_p50_us     DOUBLE  -- median distance from the middle
--                                        of its tightest kind of tie
-- @column residual_p99_us     DOUBLE  -- 99th percentile of it
-- @column declared_offset_ns  BIGINT  -- added to its clock to make wall time,
--                                        as declared
-- @column declared_uncertainty_us DOUBLE -- its uncertainty, as far as clock lines tell
-- @column reference_source_id BIGINT  -- the recording whose clock
--                                        is taken for wall time
-- @column ties                VARCHAR -- by kind and other recording, how many agree
-- @column declared_basis      VARCHAR -- what the declared clock rests on
-- @column detail              VARCHAR -- the verdict in words
-- @column path                VARCHAR -- where it was read from
WITH
both_ways AS (
    SELECT
        source_id, other_source_id, kind, observation_count, agreeing_count,
        uncertainty_ns, residual_p50_ns, residual_p99_ns
    FROM clock_checks
    UNION ALL
    SELECT
        other_source_id AS source_id, source_id AS other_source_id, kind, observation_count,
        agreeing_count, uncertainty_ns, residual_p50_ns, residual_p99_ns
    FROM clock_checks
),
placed AS (
    SELECT
        *,
        ROW_NUMBER() OVER (
            PARTITION BY source_id
            ORDER BY uncertainty_ns, kind, other_source_id
        ) AS place
    FROM both_ways
    WHERE agreeing_count > 0
),
tightest AS (
    SELECT source_id, residual_p50_ns, residual_p99_ns
    FROM placed
    WHERE place = 1
),
sums AS (
    SELECT
        source_id,
        SUM(observation_count) AS observation_count,
        SUM(agreeing_count) AS agreeing_count,
        string_agg(
            CAST(kind AS VARCHAR) || ' with ' || CAST(other_source_id AS VARCHAR) || ': '
                || CAST(agreeing_count AS VARCHAR) || ' of '
                || CAST(observation_count AS VARCHAR),
            '; ' ORDER BY agreeing_count DESC, other_source_id, kind
        ) AS ties
    FROM both_ways
    GROUP BY source_id
)
SELECT
    s.source_id,
    s.kind,
    s.clock,
    f.verdict,
    f.refined_ns / 1e6 AS refined_ms,
    f.drift_ppb / 1e3 AS drift_ppm,
    f.uncertainty_ns / 1e3 AS uncertainty_us,
    COALESCE(c.agreeing_count, 0) AS agreeing_count,
    COALESCE(c.observation_count, 0) AS observation_count,
    t.residual_p50_ns / 1e3 AS residual_p50_us,
    t.residual_p99_ns / 1e3 AS residual_p99_us,
    f.declared_offset_ns,
    f.declared_uncertainty_ns / 1e3 AS declared_uncertainty_us,
    f.reference_source_id,
    c.ties,
    f.declared_basis,
    f.detail,
    s.path
FROM sources AS s
LEFT JOIN clock_fits AS f ON f.source_id = s.source_id
LEFT JOIN sums AS c ON c.source_id = s.source_id
LEFT JOIN tightest AS t ON t.source_id = s.source_id
ORDER BY s.source_id
