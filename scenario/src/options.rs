//! What a scenario is made of, and the named presets.

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

/// Options of a scenario. Names end in their unit; `_per_second` are rates of events, `_share` are 0 to
/// 1, `slow …_ms` are medians of log-normal times.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The same seed and options give the same scenario, byte for byte.
    pub seed: u64,
    /// Clients send for so long; then what is open is served to its end.
    pub duration_ms: i64,
    /// A produce request at least this slow on the wire is slow.
    pub slo_ms: f64,

    /// Brokers. With more than one each leads a part of the partitions and follows the others, and what is said here
    /// of one broker is said of each.
    pub brokers: usize,
    /// Threads by which a broker follows each of the others (`num.replica.fetchers`).
    pub fetchers: usize,

    /// Produce requests a second, over all connections.
    pub requests_per_second: f64,
    /// Connections of producers.
    pub connections: usize,
    /// Requests that a producer has in flight at most.
    pub pipelining: usize,
    /// Topics.
    pub topics: usize,
    /// So many of them, the last, get no records.
    pub idle_topics: usize,
    /// Partitions of each topic.
    pub partitions: usize,
    /// Topic-partitions of a produce request at most.
    pub request_partitions: usize,
    /// Share of the batches that go to the first partition of the first topic, besides its part.
    pub hot_share: f64,
    /// Records of a batch at most.
    pub batch_records: usize,
    /// Bytes of a record's value, around.
    pub record_bytes: usize,
    /// Share of producers that ask for acks=all; the others for acks=1.
    pub acks_all_share: f64,
    /// Share of producers that compress their batches with zstd.
    pub zstd_share: f64,
    /// Consumers, each on a connection with long polls over one topic.
    pub consumers: usize,
    /// How long their fetches wait for data at most, by turns over consumers.
    pub fetch_max_wait_ms: Vec<i64>,
    /// And for how many bytes.
    pub fetch_min_bytes: Vec<i64>,
    /// Consumers that read a topic again from its beginning, each on a connection.
    pub replays: usize,
    /// When they begin.
    pub replay_after_ms: i64,
    /// Time between their fetches, median.
    pub replay_think_ms: f64,
    /// Followers, each fetching all partitions on a connection.
    pub followers: usize,
    /// Groups of consumers that commit offsets.
    pub groups: usize,
    /// Members of each, on connections of their own to the coordinator.
    pub group_members: usize,
    /// Commits of offsets a second, over all members.
    pub commits_per_second: f64,
    /// Times that a group is put together anew.
    pub rebalances_per_second: f64,
    /// How late members come to that.
    pub rejoin_ms: f64,
    /// Producers with transactions, each on a connection to its coordinator.
    pub transactional_producers: usize,
    /// Transactions a second, over all of them.
    pub transactions_per_second: f64,
    /// Produce versions, by turns over the connections (3 to 13).
    pub produce_versions: Vec<i16>,
    /// Fetch versions, by turns over consumers and followers (4 to 18).
    pub fetch_versions: Vec<i16>,

    /// Request handler threads.
    pub handlers: usize,
    /// Network threads.
    pub network_threads: usize,
    /// A segment file is rolled at this size.
    pub segment_bytes: i64,
    /// fsync of the producer snapshot by the handler when a segment is rolled (KAFKA-15046), median.
    pub roll_sync_ms: f64,
    /// The old segment is flushed by another thread then, without the log's lock.
    pub roll_flush: bool,
    /// Flushes under a log's lock by the scheduler thread.
    pub scheduler_syncs_per_second: f64,
    /// How long the fsync of the segment file takes in those.
    pub scheduler_sync_ms: f64,
    /// Flushes without a log's lock (`flush.ms`).
    pub unlocked_flushes_per_second: f64,
    /// How long the fsync of the segment file takes in those, and after a roll.
    pub unlocked_flush_ms: f64,
    /// Handlers flush a log after so many messages, under its lock (`flush.messages`); 0 for never.
    pub flush_messages: i64,
    /// How long the fsync of the segment file takes in those.
    pub sync_ms: f64,
    /// How long the sync of each index takes, in all flushes.
    pub msync_ms: f64,
    /// Share of flushes that sync the transaction index as well.
    pub transaction_index_share: f64,
    /// fsyncs of flushes that are slow.
    pub slow_syncs_per_second: f64,
    /// msyncs that are slow.
    pub slow_msyncs_per_second: f64,
    /// How long both take.
    pub slow_sync_ms: f64,
    /// Share of appends after which the handler has to wait for its turn to take the log's lock again;
    /// otherwise it has it at once.
    pub relock_share: f64,

    /// Time between journal commits.
    pub commit_interval_ms: i64,
    /// How long an ordinary commit takes.
    pub commit_ms: f64,
    /// Share of slow commits.
    pub slow_commit_share: f64,
    /// How long a slow commit takes.
    pub slow_commit_ms: f64,
    /// Share of the logs whose inode a commit has hold of, so that the next write waits for its end.
    pub commit_stall_share: f64,
    /// Share of these that wait for a journal handle; the others wait inside the write for a buffer.
    pub journal_wait_share: f64,
    /// Writes that wait for a block IO.
    pub block_io_per_second: f64,
    /// How long.
    pub block_io_ms: f64,
    /// Writes that wait for a CPU.
    pub write_run_queue_per_second: f64,
    /// Handlers that wait for a CPU when they begin with a request.
    pub run_queue_per_second: f64,
    /// Handlers that wait for a CPU after a write: half of them under the log's lock, half when
    /// everything is appended.
    pub late_run_queue_per_second: f64,
    /// Network threads that wait for a CPU before they read or send.
    pub network_run_queue_per_second: f64,
    /// How long a thread waits for a CPU.
    pub run_queue_ms: f64,
    /// Writes that are slow on a CPU (memory reclaim, say).
    pub cpu_write_per_second: f64,
    /// How long.
    pub cpu_write_ms: f64,

    /// Safepoints and collections.
    pub pauses_per_second: f64,
    /// How long an ordinary one takes.
    pub pause_ms: f64,
    /// Share of slow ones.
    pub slow_pause_share: f64,
    /// How long a slow one takes.
    pub slow_pause_ms: f64,
    /// Share of them to which a thread comes late, because it waits for a CPU.
    pub late_thread_share: f64,
    /// How late.
    pub late_thread_ms: f64,
    /// Share of them in which the VM thread waits for the disk to write the GC log.
    pub pause_io_share: f64,
    /// How long.
    pub pause_io_ms: f64,
    /// Share of the periods of 100 ms at whose end the process has no CPU time left of its quota.
    pub throttled_share: f64,
    /// How long before the end it has none left.
    pub throttled_ms: f64,
    /// Requests whose handler computes for long (decompression, validation).
    pub cpu_bound_per_second: f64,
    /// How long.
    pub cpu_bound_ms: f64,
    /// Times that a background thread holds a lock which handlers need (a metrics sensor).
    pub other_lock_per_second: f64,
    /// How long.
    pub other_lock_ms: f64,
    /// Share of produce requests that need that lock; half of them while they hold a log's.
    pub other_lock_share: f64,
    /// Responses that leave slowly.
    pub slow_send_per_second: f64,
    /// How long.
    pub slow_send_ms: f64,
    /// Produce requests whose bytes are held up on their way: by the broker's window, a loss, or the client.
    pub held_receives_per_second: f64,
    /// Responses to them that are: by the client's window, a loss, or the broker.
    pub held_sends_per_second: f64,
    /// How long.
    pub held_ms: f64,
    /// Answers by which the broker has a producer wait for its quota; a consumer, a quarter as often.
    pub throttles_per_second: f64,
    /// How long.
    pub throttle_ms: f64,
    /// Such answers are held back for so long (brokers before 2.0); else they leave at once, and the connection is
    /// not read for so long (KIP-219).
    pub throttle_holds_back: bool,
    /// Share of the clients that send nothing for so long either.
    pub throttle_heeded_share: f64,
    /// Times that a network thread is busy for long.
    pub network_busy_per_second: f64,
    /// How long.
    pub network_busy_ms: f64,
    /// Fetched records leave by sendfile, and the probes of reads and of network threads run.
    pub file_reads: bool,
    /// Handlers read in the segment where the records of a fetch are, before these are sent.
    pub handler_reads: bool,
    /// Share of those by the ones who read a topic again, in full segments, that go to the disk.
    pub cold_handler_read_share: f64,
    /// Fetches and their responses are held up on their way, too.
    pub held_fetches: bool,
    /// Share of the reads of full segments by those who read a topic again that go to the disk.
    pub cold_read_share: f64,
    /// How long such a read takes.
    pub cold_read_ms: f64,
    /// Times that a follower is slow to append.
    pub remote_slow_per_second: f64,
    /// How long.
    pub remote_slow_ms: f64,

    /// Waits of a fetcher for a CPU before it reads an answer.
    pub fetcher_run_queue_per_second: f64,
    /// Times that the link between two brokers becomes slow.
    pub slow_links_per_second: f64,
    /// For how long.
    pub slow_link_ms: f64,
    /// What passes it then is on its way so much longer.
    pub link_delay_ms: f64,
    /// Times that a broker's whole process is stopped by a signal (SIGSTOP).
    pub process_stops_per_second: f64,
    /// How long.
    pub process_stop_ms: f64,

    /// Times that a follower stops, and fetches nothing.
    pub follower_stops_per_second: f64,
    /// How long.
    pub follower_stop_ms: f64,
    /// A follower that has not had all of a log for so long is no longer waited for (`replica.lag.time.max.ms`).
    pub replica_lag_ms: i64,

    /// async-profiler's `lock=`: a wait at least this long is recorded, shorter ones sometimes.
    pub lock_interval_us: i64,
    /// CPU time between execution samples.
    pub cpu_interval_ms: i64,
    /// Time between wall-clock samples.
    pub wall_interval_ms: i64,
    /// Monitor waits are also in the eBPF recording (USDT), all of them.
    pub usdt: bool,
    /// The eBPF recording is of the probe `standing`, in place of those of the journal, of block IO and of the run
    /// queue.
    pub standings: bool,
    /// The JFR names previous owners, as the JDK's own recorder does.
    pub previous_owner: bool,
    /// Share of events lost, in each recording.
    pub lost_share: f64,
    /// Largest error of each recording's clock; each has its own, in both directions.
    pub clock_error_ms: f64,
    /// Largest drift of each recording's clock, parts per million.
    pub drift_ppm: f64,
    /// Largest error of each host's clock, which all of its recordings share.
    pub host_error_ms: f64,
    /// Largest drift of it, parts per million.
    pub host_drift_ppm: f64,
}

/// Names of the presets and what they are.
pub const PRESETS: [(&str, &str); 24] = [
    (
        "clean",
        "every cause, nothing lost, exact clocks, every lock wait recorded",
    ),
    (
        "degraded",
        "the same broker; 1 % of every recording lost, clocks up to 1 ms off, lock waits from 10 ms",
    ),
    (
        "replicated",
        "acks=all with two followers, some of them slow; newest protocol versions",
    ),
    (
        "convoy",
        "thousands of handlers, most of the load on one partition, few very slow writes",
    ),
    (
        "starved",
        "threads wait for a CPU: handlers before and after they append, and network threads",
    ),
    (
        "shared-queue",
        "few handlers for many connections, so that requests wait in the queue",
    ),
    (
        "syncs",
        "every append is flushed under the log's lock: fsync, then msync of the indexes; some are slow",
    ),
    ("msync", "the same, and it is the msync that is slow"),
    (
        "roll",
        "segments roll all the time: fsync of a snapshot under the lock, flush of the old one without",
    ),
    (
        "late-fetch",
        "acks=all where the leader is late with the followers' fetches: handlers busy, or the lock held",
    ),
    (
        "quota",
        "all threads of the process stop until the next period of its CPU quota",
    ),
    (
        "cold-reads",
        "consumers that read old segments from the disk: sendfile keeps network threads",
    ),
    (
        "windows",
        "requests and responses are held up on their way: windows, losses, senders that have nothing to send",
    ),
    (
        "safepoints",
        "stops of the JVM: threads come late, collections, and GC logs on a slow disk",
    ),
    (
        "fetches",
        "consumers: long polls that are satisfied or run out, reads from the disk by handlers and network threads",
    ),
    (
        "coordinators",
        "groups that commit offsets and are put together anew, transactions: what their coordinators append",
    ),
    (
        "throttled",
        "client quotas: the broker answers, and does not read the connection for some time",
    ),
    (
        "held-back",
        "client quotas of a broker before 2.0: its answers leave later",
    ),
    (
        "isr",
        "acks=all with followers that stop: until they fetch again, or the leader no longer waits for them",
    ),
    (
        "standings",
        "every cause, and no recording of locks: why threads stood still, and who woke them",
    ),
    (
        "cluster",
        "three brokers, acks=all: disks, locks, pauses, CPUs and links of leaders and followers; hosts' clocks differ",
    ),
    (
        "cluster-stops",
        "the same with two fetchers each and no recording of locks; whole processes are stopped by signals, too",
    ),
    ("everything", "all of this at random"),
    ("quiet", "requests are slow, but never because of a write"),
];

impl Options {
    /// A preset by name.
    pub fn preset(name: &str) -> anyhow::Result<Self> {
        let clean = Self::clean();
        // Little but syncs is slow.
        let syncing = Self {
            commit_stall_share: 0.02,
            block_io_per_second: 0.1,
            other_lock_per_second: 0.1,
            ..clean.clone()
        };
        Ok(match name {
            "clean" => clean,
            "degraded" => clean.degraded(),
            "replicated" => Self {
                acks_all_share: 0.8,
                followers: 2,
                remote_slow_per_second: 0.3,
                produce_versions: vec![11, 12, 13],
                fetch_versions: vec![12, 17, 18],
                ..clean
            },
            "convoy" => Self {
                handlers: 3_000,
                network_threads: 8,
                connections: 3_000,
                requests_per_second: 1_500.0,
                pipelining: 2,
                topics: 1,
                partitions: 4,
                request_partitions: 1,
                hot_share: 0.9,
                batch_records: 1,
                commit_interval_ms: 10_000,
                slow_commit_share: 1.0,
                slow_commit_ms: 2_500.0,
                commit_stall_share: 1.0,
                block_io_per_second: 0.0,
                write_run_queue_per_second: 0.0,
                slow_pause_share: 0.0,
                cpu_bound_per_second: 0.0,
                other_lock_per_second: 0.0,
                slow_send_per_second: 0.0,
                network_busy_per_second: 0.0,
                scheduler_syncs_per_second: 0.0,
                ..clean
            },
            "starved" => Self {
                run_queue_per_second: 0.6,
                late_run_queue_per_second: 1.2,
                network_run_queue_per_second: 1.0,
                network_busy_per_second: 0.3,
                run_queue_ms: 90.0,
                ..clean
            },
            "shared-queue" => Self {
                handlers: 3,
                connections: 60,
                pipelining: 1,
                network_run_queue_per_second: 0.4,
                run_queue_ms: 90.0,
                ..clean
            },
            "syncs" => Self {
                flush_messages: 1,
                slow_syncs_per_second: 1.5,
                slow_msyncs_per_second: 0.3,
                relock_share: 0.3,
                ..syncing
            },
            "msync" => Self {
                flush_messages: 1,
                slow_msyncs_per_second: 1.8,
                relock_share: 0.3,
                ..syncing
            },
            "roll" => Self {
                segment_bytes: 48 << 10,
                roll_sync_ms: 45.0,
                unlocked_flush_ms: 90.0,
                unlocked_flushes_per_second: 0.5,
                ..syncing
            },
            "late-fetch" => Self {
                acks_all_share: 0.8,
                followers: 2,
                produce_versions: vec![11, 12, 13],
                fetch_versions: vec![12, 17, 18],
                requests_per_second: 250.0,
                handlers: 4,
                connections: 40,
                pipelining: 2,
                flush_messages: 1,
                slow_syncs_per_second: 2.0,
                cpu_bound_per_second: 0.4,
                run_queue_per_second: 0.6,
                ..syncing
            },
            "quota" => Self {
                throttled_share: 0.15,
                throttled_ms: 85.0,
                ..syncing
            },
            "cold-reads" => Self {
                replays: 3,
                file_reads: true,
                network_threads: 2,
                segment_bytes: 96 << 10,
                roll_sync_ms: 1.0,
                network_run_queue_per_second: 0.3,
                run_queue_ms: 90.0,
                ..syncing
            },
            "windows" => Self {
                held_receives_per_second: 0.8,
                held_sends_per_second: 0.8,
                slow_send_per_second: 0.0,
                ..syncing
            },
            "safepoints" => Self {
                late_thread_share: 0.1,
                pause_io_share: 0.1,
                ..syncing
            },
            "fetches" => Self {
                consumers: 8,
                topics: 4,
                idle_topics: 1,
                partitions: 4,
                fetch_max_wait_ms: vec![500, 200, 1_000],
                fetch_min_bytes: vec![1, 20_000],
                replays: 4,
                replay_after_ms: 3_000,
                replay_think_ms: 300.0,
                file_reads: true,
                handler_reads: true,
                cold_handler_read_share: 0.15,
                cold_read_share: 0.15,
                held_fetches: true,
                held_receives_per_second: 0.3,
                held_sends_per_second: 2.0,
                requests_per_second: 300.0,
                segment_bytes: 96 << 10,
                roll_sync_ms: 1.0,
                network_run_queue_per_second: 0.3,
                run_queue_ms: 90.0,
                ..syncing
            },
            "coordinators" => Self {
                groups: 3,
                group_members: 8,
                commits_per_second: 150.0,
                rebalances_per_second: 0.5,
                transactional_producers: 8,
                transactions_per_second: 40.0,
                requests_per_second: 200.0,
                block_io_per_second: 1.0,
                cpu_write_per_second: 0.5,
                relock_share: 0.2,
                ..clean
            },
            "throttled" => Self {
                throttles_per_second: 5.0,
                throttle_heeded_share: 0.3,
                produce_versions: vec![5, 7, 11],
                fetch_versions: vec![7, 11, 12],
                ..syncing
            },
            "held-back" => Self {
                throttles_per_second: 3.0,
                throttle_holds_back: true,
                produce_versions: vec![3, 5],
                fetch_versions: vec![4, 7],
                ..syncing
            },
            "isr" => Self {
                acks_all_share: 0.8,
                followers: 2,
                follower_stops_per_second: 0.5,
                replica_lag_ms: 500,
                produce_versions: vec![11, 12, 13],
                fetch_versions: vec![12, 17, 18],
                requests_per_second: 250.0,
                ..syncing
            },
            "standings" => Self {
                standings: true,
                usdt: false,
                // No wait is as long.
                lock_interval_us: 1_000_000_000,
                throttled_share: 0.03,
                late_thread_share: 0.1,
                pause_io_share: 0.1,
                ..clean
            },
            "cluster" => Self::cluster(),
            "cluster-stops" => Self {
                fetchers: 2,
                standings: true,
                usdt: false,
                // No wait is as long.
                lock_interval_us: 1_000_000_000,
                process_stops_per_second: 0.08,
                ..Self::cluster()
            },
            "everything" => Self {
                acks_all_share: 0.4,
                followers: 2,
                remote_slow_per_second: 0.1,
                follower_stops_per_second: 0.1,
                replica_lag_ms: 700,
                connections: 20,
                requests_per_second: 250.0,
                consumers: 4,
                idle_topics: 1,
                topics: 4,
                partitions: 4,
                fetch_min_bytes: vec![1, 10_000],
                replays: 2,
                file_reads: true,
                handler_reads: true,
                cold_handler_read_share: 0.1,
                cold_read_share: 0.1,
                segment_bytes: 192 << 10,
                groups: 2,
                group_members: 4,
                commits_per_second: 40.0,
                rebalances_per_second: 0.1,
                transactional_producers: 4,
                transactions_per_second: 10.0,
                throttles_per_second: 0.5,
                produce_versions: vec![7, 11, 13],
                fetch_versions: vec![11, 12, 17],
                throttled_share: 0.02,
                late_thread_share: 0.05,
                pause_io_share: 0.05,
                held_receives_per_second: 0.2,
                held_sends_per_second: 0.2,
                held_fetches: true,
                slow_syncs_per_second: 0.1,
                slow_msyncs_per_second: 0.05,
                relock_share: 0.2,
                ..clean
            },
            "quiet" => Self {
                commit_stall_share: 0.0,
                block_io_per_second: 0.0,
                write_run_queue_per_second: 0.0,
                cpu_write_per_second: 0.0,
                roll_sync_ms: 0.5,
                unlocked_flush_ms: 2.0,
                scheduler_syncs_per_second: 0.0,
                cpu_bound_per_second: 0.6,
                other_lock_per_second: 0.5,
                ..clean
            },
            _ => bail!("there is no preset {name}; see `kcorr-scenario presets`"),
        })
    }

    /// The same broker, recorded as the preset `degraded` is: 1 % of every recording lost, clocks up to 1 ms off that
    /// drift, lock waits from 10 ms.
    #[must_use]
    pub fn degraded(self) -> Self {
        Self {
            usdt: false,
            lock_interval_us: 10_000,
            lost_share: 0.01,
            clock_error_ms: 1.0,
            drift_ppm: 2.0,
            ..self
        }
    }

    /// Sets an option from `name=value`; the value is JSON.
    pub fn set(&mut self, assignment: &str) -> anyhow::Result<()> {
        let (name, value) = assignment
            .split_once('=')
            .with_context(|| format!("expected name=value, found {assignment}"))?;
        let mut all = serde_json::to_value(&*self)?;
        let slot = all
            .get_mut(name)
            .with_context(|| format!("there is no option {name}"))?;
        *slot = serde_json::from_str(value)
            .with_context(|| format!("option {name}: {value} is no JSON"))?;
        *self = serde_json::from_value(all).with_context(|| format!("option {name}={value}"))?;
        Ok(())
    }

    /// The options of each of the brokers: what comes by chance comes to each by itself.
    pub(crate) fn by_broker(&self) -> Vec<Self> {
        if self.brokers <= 1 {
            return vec![self.clone()];
        }
        let brokers = 0..self.brokers as u64;
        let seeds = brokers.map(|broker| self.seed.wrapping_mul(1_009).wrapping_add(broker + 1));
        let each = seeds.map(|seed| Self {
            seed,
            ..self.clone()
        });
        each.collect()
    }

    /// Three brokers; each leads a third of the partitions, and follows both others.
    fn cluster() -> Self {
        Self {
            brokers: 3,
            requests_per_second: 100.0,
            connections: 6,
            pipelining: 3,
            topics: 2,
            request_partitions: 2,
            acks_all_share: 1.0,
            consumers: 1,
            produce_versions: vec![11, 12, 13],
            fetch_versions: vec![12, 17, 18],
            commit_interval_ms: 3_000,
            slow_commit_share: 0.3,
            commit_stall_share: 0.4,
            block_io_per_second: 0.1,
            write_run_queue_per_second: 0.05,
            run_queue_per_second: 0.05,
            late_run_queue_per_second: 0.0,
            network_run_queue_per_second: 0.0,
            cpu_write_per_second: 0.0,
            pauses_per_second: 0.5,
            cpu_bound_per_second: 0.05,
            other_lock_per_second: 0.0,
            slow_send_per_second: 0.05,
            network_busy_per_second: 0.0,
            unlocked_flush_ms: 20.0,
            fetcher_run_queue_per_second: 0.15,
            run_queue_ms: 90.0,
            slow_links_per_second: 0.05,
            host_error_ms: 50.0,
            host_drift_ppm: 20.0,
            ..Self::clean()
        }
    }

    fn clean() -> Self {
        Self {
            seed: 1,
            duration_ms: 30_000,
            slo_ms: 65.0,
            brokers: 1,
            fetchers: 1,
            requests_per_second: 500.0,
            connections: 10,
            pipelining: 5,
            topics: 3,
            idle_topics: 0,
            partitions: 6,
            request_partitions: 3,
            hot_share: 0.1,
            batch_records: 4,
            record_bytes: 220,
            acks_all_share: 0.0,
            zstd_share: 0.2,
            consumers: 2,
            fetch_max_wait_ms: vec![500],
            fetch_min_bytes: vec![1],
            replays: 0,
            replay_after_ms: 6_000,
            replay_think_ms: 700.0,
            followers: 0,
            groups: 0,
            group_members: 6,
            commits_per_second: 0.0,
            rebalances_per_second: 0.0,
            rejoin_ms: 150.0,
            transactional_producers: 0,
            transactions_per_second: 0.0,
            produce_versions: vec![7, 9, 11],
            fetch_versions: vec![11, 12],
            handlers: 8,
            network_threads: 3,
            segment_bytes: 512 << 10,
            roll_sync_ms: 12.0,
            roll_flush: true,
            scheduler_syncs_per_second: 0.1,
            scheduler_sync_ms: 120.0,
            unlocked_flushes_per_second: 0.2,
            unlocked_flush_ms: 40.0,
            flush_messages: 0,
            sync_ms: 1.5,
            msync_ms: 0.4,
            transaction_index_share: 0.05,
            slow_syncs_per_second: 0.0,
            slow_msyncs_per_second: 0.0,
            slow_sync_ms: 120.0,
            relock_share: 0.05,
            commit_interval_ms: 2_000,
            commit_ms: 12.0,
            slow_commit_share: 0.5,
            slow_commit_ms: 250.0,
            commit_stall_share: 0.5,
            journal_wait_share: 0.3,
            block_io_per_second: 0.3,
            block_io_ms: 120.0,
            write_run_queue_per_second: 0.2,
            run_queue_per_second: 0.2,
            late_run_queue_per_second: 0.1,
            network_run_queue_per_second: 0.1,
            run_queue_ms: 60.0,
            cpu_write_per_second: 0.1,
            cpu_write_ms: 90.0,
            pauses_per_second: 1.0,
            pause_ms: 4.0,
            slow_pause_share: 0.15,
            slow_pause_ms: 110.0,
            late_thread_share: 0.0,
            late_thread_ms: 120.0,
            pause_io_share: 0.0,
            pause_io_ms: 150.0,
            throttled_share: 0.0,
            throttled_ms: 60.0,
            cpu_bound_per_second: 0.3,
            cpu_bound_ms: 100.0,
            other_lock_per_second: 0.3,
            other_lock_ms: 120.0,
            other_lock_share: 0.3,
            slow_send_per_second: 0.2,
            slow_send_ms: 120.0,
            held_receives_per_second: 0.0,
            held_sends_per_second: 0.0,
            held_ms: 150.0,
            throttles_per_second: 0.0,
            throttle_ms: 160.0,
            throttle_holds_back: false,
            throttle_heeded_share: 0.5,
            network_busy_per_second: 0.1,
            network_busy_ms: 100.0,
            file_reads: false,
            handler_reads: false,
            cold_handler_read_share: 0.0,
            held_fetches: false,
            cold_read_share: 0.5,
            cold_read_ms: 90.0,
            remote_slow_per_second: 0.0,
            remote_slow_ms: 150.0,
            fetcher_run_queue_per_second: 0.0,
            slow_links_per_second: 0.0,
            slow_link_ms: 300.0,
            link_delay_ms: 90.0,
            process_stops_per_second: 0.0,
            process_stop_ms: 400.0,
            follower_stops_per_second: 0.0,
            follower_stop_ms: 900.0,
            replica_lag_ms: 30_000,
            lock_interval_us: 100,
            cpu_interval_ms: 10,
            wall_interval_ms: 100,
            usdt: true,
            standings: false,
            previous_owner: false,
            lost_share: 0.0,
            clock_error_ms: 0.0,
            drift_ppm: 0.0,
            host_error_ms: 0.0,
            host_drift_ppm: 0.0,
        }
    }
}
