-- Times in which the broker's control group had no CPU time left of its quota, as the waits of
-- its threads for a CPU tell.
--
-- The kernel gives a control group its CPU time anew once a period, all its threads at once. So
-- the starved times (see starved_times) that a quota made end at one place of the period, within
-- some tens of µs; those that other threads' load made end anywhere, or at any of the kernel's
-- ticks, of which a period has ten and more. So what ends at one place of the period with five
-- others and more of 10 ms and more is the quota's, if these are at least half, by their length, of
-- all such around it: twenty and more, twelve at least. Those do not count that ended with another
-- sign than a wait that was over, nor where the CPU had run another process until then: that one
-- may have a quota of its own.
-- @materialized
-- @param  quota_period_ms DOUBLE = 100 -- the control group's period: cpu.cfs_period_us, or the
--                                       second number of cpu.max
-- @column start_time     TIMESTAMP   -- a thread of it waited for a CPU; a period before the end at most
-- @column end_time       TIMESTAMP   -- it had CPU time again
WITH
awaited AS (
    SELECT s.first_time, s.start_time, s.end_time
    FROM starved_times AS s
    INNER JOIN ready_times AS r
        ON r.tid = s.tid
        AND r.end_time = s.end_time
    LEFT JOIN (
        SELECT DISTINCT tid FROM ready_times WHERE pid IN (SELECT pid FROM broker_processes)
    ) AS b ON b.tid = r.ran_instead_tid
    GROUP BY s.first_time, s.start_time, s.end_time
    HAVING BOOL_AND(COALESCE(r.ran_instead_tid, 0) = 0 OR b.tid IS NOT NULL)
),
ended AS (
    SELECT
        end_time,
        CASE WHEN end_time >= add_ns(start_time, 10000000) THEN elapsed_ns(start_time, end_time) END AS long_ns,
        CAST(end_time AS BIGINT) % GREATEST(CAST($quota_period_ms * 1e6 AS BIGINT), 1) AS place_ns,
        -- Half a period away: places around 0 are together there.
        (CAST(end_time AS BIGINT) + CAST($quota_period_ms * 5e5 AS BIGINT))
            % GREATEST(CAST($quota_period_ms * 1e6 AS BIGINT), 1) AS turned_ns
    FROM awaited
),
counted AS (
    SELECT
        *,
        COUNT(long_ns) OVER (ORDER BY end_time ROWS UNBOUNDED PRECEDING) AS number,
        COUNT(long_ns) OVER () AS long_count
    FROM ended
),
-- Twenty after each other, and what is left with the last of them.
grouped AS (
    SELECT *, LEAST(number / 20, GREATEST(long_count / 20 - 1, 0)) AS place_group
    FROM counted
),
placed AS (
    SELECT
        place_group,
        end_time,
        SUM(long_ns) OVER (PARTITION BY place_group) AS around_ns,
        COUNT(long_ns) OVER (PARTITION BY place_group) AS around_count,
        SUM(long_ns) OVER same AS same_ns,
        COUNT(long_ns) OVER same AS same_count,
        SUM(long_ns) OVER same_turned AS same_turned_ns,
        COUNT(long_ns) OVER same_turned AS same_turned_count
    FROM grouped
    WINDOW
        same AS (
            PARTITION BY place_group ORDER BY place_ns
            RANGE BETWEEN 100000 PRECEDING AND 100000 FOLLOWING
        ),
        same_turned AS (
            PARTITION BY place_group ORDER BY turned_ns
            RANGE BETWEEN 100000 PRECEDING AND 100000 FOLLOWING
        )
),
refills AS (
    -- Of each twenty: ends that are the quota's, one of them and how long there were such.
    SELECT place_group, MIN(end_time) AS first_end, MAX(end_time) AS last_end
    FROM placed
    WHERE COALESCE(around_count, 0) >= 12
        AND GREATEST(same_count, same_turned_count) > 5
        AND 2 * GREATEST(same_ns, same_turned_ns) >= around_ns
    GROUP BY place_group
),
ended_times AS (
    SELECT first_time AS start_time, end_time FROM awaited
    UNION
    -- A thread that waited alone had to wait for the same.
    SELECT start_time, end_time
    FROM ready_times
    WHERE pid IN (SELECT pid FROM broker_processes)
        AND end_time >= add_ns(start_time, 5000000)
),
refilled AS (
    SELECT
        r.place_group,
        t.start_time,
        t.end_time,
        elapsed_ns(r.first_end, t.end_time) + 100000 AS passed_ns,
        GREATEST(CAST($quota_period_ms * 1e6 AS BIGINT), 1) AS period_ns
    FROM refills AS r
    INNER JOIN ended_times AS t
        ON t.end_time >= add_ns(r.first_end, -100000)
        AND t.start_time <= r.last_end
    WHERE t.end_time <= add_ns(r.last_end, 100000)
)
SELECT
    GREATEST(MIN(start_time), add_ns(MAX(end_time), -MIN(period_ns))) AS start_time,
    MAX(end_time) AS end_time
FROM refilled
WHERE passed_ns % period_ns <= 200000
GROUP BY place_group, passed_ns / period_ns
ORDER BY start_time
