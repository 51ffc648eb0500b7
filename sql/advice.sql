-- What to try next: one row a change that the recordings of a broker ask for.
--
-- Changes that take away the root of the slow requests come first, then those that let
-- fewer requests wait for it; in each, the largest possible gain first. `gain_ms` is an
-- upper bound: the time that slow requests spent on what the change is about. `whatif`
-- names the waits that a replay takes away to say how much of it is left (see
-- `expected_gains`). Changes with the same evidence are alternatives; `support` says
-- whether the recordings tell them apart.
--   journal_writeback    journal commits held up the writes at the root. Shown by
--                        commits that took half of their time or more to flush file data
--   journal_fast_commit  shown by commits that were asked for; those of the timer stay
--                        full commits
--   journal_interval     shown by commits of the timer
--   journal_other_fs     nothing in a recording of one file system shows how another
--                        would do
--   dirty_limit          writes at the root were held back by the kernel, for too many pages
--                        were dirty
--   write_other          writes at the root were slow and no journal commit covers them
--   fsync                the operations at the root were syncs
--   leader_changes       the operations at the root were syncs of a log's leader epochs
--   page_cache           the operations at the root were reads
--   spread_partitions    requests waited for a log's monitor behind another write, sync or
--                        read of the same log
--   spread_connections   requests queued behind an earlier request of their own
--                        connection
--   more_handlers        nearly all handlers were at a standstill at once
--   gc                   the JVM was stopped, for a collection, or for nothing that is known
--   gc_log_disk          the JVM was stopped, and its own thread waited for a disk
--   late_threads         the JVM was to stop, and threads came late to the safepoint
--   vm_operations        the JVM was stopped for something else than a collection
--   reconnect_storm      requests waited for a network thread while connections were opened
--                        in a storm. Shown by samples of network threads, most of them
--                        at handshakes
--   more_cpu             handlers or network threads were at work on a CPU, or waited for
--                        one
--   cpu_quota            the CPU quota was used up
--   client_quota         requests were held back by a quota of the broker
--   followers            followers were late
--   network_threads      network threads were busy
--   client_buffer        responses waited for the client's TCP window
--   window_scaling       the same, shown by connections whose windows were not scaled
--   broker_buffer        requests waited for the broker's TCP window
--   packet_loss          bytes of requests or responses were lost and sent again
--   record_more          no recorded row explains the time
-- What the host has already, by the recorded context, is no row (see `settled_changes`).
-- A change rests on verdicts of its own root and way only: time that is unexplained, or
-- that another cause explains, asks for none of them.
-- @terminal change request_count gain_ms support present command | evidence gain_ratio
--   removes worst_ms
-- @column change         VARCHAR     -- as above
-- @column removes        VARCHAR     -- root, or wait: what it would take away
-- @column request_count  BIGINT      -- slow requests that ask for it
-- @column request_ratio  DOUBLE      -- their share of the slow requests
-- @column gain_ms        DOUBLE      -- at most this much of their latency goes away
-- @column gain_ratio     DOUBLE      -- that time's share of the
--                                       latency of all slow requests
-- @column evidence_count BIGINT      -- commits, writes, waits or pauses that show it
-- @column worst_ms       DOUBLE      -- the longest of them
-- @column evidence       VARCHAR     -- what the evidence is, in words
-- @column support        VARCHAR     -- shown; undecided: no recorded row tells;
--                                       or against
-- @column for_count      BIGINT      -- of the evidence,
--                                       what asks for this change in particular
-- @column whatif         VARCHAR     -- kind of wait for `kcorr whatif --without`;
--                                       null for none
-- @column present        VARCHAR     -- what it would change, as it is now, by the
--                                       recorded context; null when that does not tell
-- @column command        VARCHAR     -- the command that makes the change there; null when
--                                       the context does not tell it
-- @column broker         INT         -- the broker whose requests ask for it; null when
--                                       nothing tells
SELECT
    change,
    removes,
    request_count,
    request_ratio,
    gain_ms,
    gain_ratio,
    evidence_count,
    worst_ms,
    evidence,
    support,
    for_count,
    whatif,
    present,
    command,
    broker
FROM asked_changes
WHERE NOT COALESCE(is_on, FALSE)
ORDER BY removes, COALESCE(gain_ms, 0) DESC, broker, rank, change, evidence
