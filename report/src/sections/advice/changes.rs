//! What people do for each change of the query `advice`: one entry a change.

/// A change, in words.
pub(super) struct Change {
    /// As the query calls it.
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) how: &'static str,
    /// The command or setting, where the host's own is not recorded.
    pub(super) option: &'static str,
    /// What shows what is set now; empty where nothing is set.
    pub(super) shown_by: &'static str,
    /// What may go wrong; empty where nothing is changed.
    pub(super) risk: &'static str,
    /// The command that shows afterwards whether it helped, and what it then says.
    pub(super) check: (&'static str, &'static str),
}

/// The change that the query calls so.
pub(super) fn change_named(name: &str) -> Option<&'static Change> {
    CHANGES.iter().find(|change| change.name == name)
}

static CHANGES: &[Change] = &[
    Change {
        name: "journal_writeback",
        title: "Mount ext4 without ordered data",
        how: "A commit then no longer waits until file data is on the disk. It takes effect when the file system \
              is mounted anew: a broker at a time.",
        option: "tune2fs -o journal_data_writeback DEVICE",
        shown_by: "grep data= /proc/fs/ext4/*/options",
        risk: "After a crash files may hold old blocks behind their end. Kafka checks and cuts its logs at \
               start-up; other programs on the file system may not.",
        check: ("kcorr query root_commits", "flush_ratio is near 0"),
    },
    Change {
        name: "journal_fast_commit",
        title: "Turn on fast commits",
        how: "A sync then writes a short record instead of making the whole journal commit. Commits that the \
              journal's timer begins stay as they are. Needs a kernel and e2fsprogs that know it, and the file \
              system is mounted anew: a broker at a time.",
        option: "tune2fs -O fast_commit DEVICE",
        shown_by: "dumpe2fs -h DEVICE | grep features",
        risk: "An older kernel may refuse to mount it afterwards.",
        check: (
            "kcorr query -c \"SELECT is_fast, count(*) FROM journal_commits GROUP BY is_fast\"",
            "most commits are fast",
        ),
    },
    Change {
        name: "journal_interval",
        title: "Commit the journal more often",
        how: "Each commit then has less to write and holds writes up for a shorter time. It takes effect at once.",
        option: "mount -o remount,commit=SECONDS MOUNT_POINT",
        shown_by: "grep commit= /proc/fs/ext4/*/options",
        risk: "There are more commits, and each costs the disk its flush.",
        check: (
            "kcorr query root_commits",
            "gap_ms and duration_ms are less",
        ),
    },
    Change {
        name: "journal_other_fs",
        title: "Put the logs on a file system that does not stop writers while it commits",
        how: "XFS logs metadata without making appends wait for the whole transaction.",
        option: "mkfs.xfs",
        shown_by: "findmnt --target LOG_DIRECTORY",
        risk: "What is on the disk is lost: a broker at a time, its replicas are copied anew.",
        check: (
            "kcorr compare before.kcorr after.kcorr",
            "p999 and slow requests are less, beyond their intervals",
        ),
    },
    Change {
        name: "dirty_limit",
        title: "Begin to write dirty pages back sooner, and take other writers off the machine",
        how: "With too many dirty pages the kernel makes whoever writes wait for the disk; pages of other programs \
              count, too. Below the background limit nothing is written back.",
        option: "sysctl -w vm.dirty_background_bytes=BYTES",
        shown_by: "sysctl -a -r vm.dirty",
        risk: "Writers are slowed down from halfway between both limits on: where the disk does not keep up with a \
               lower background limit, vm.dirty_ratio or vm.dirty_bytes must be higher, and then more is lost with \
               the power.",
        check: ("kcorr causes", "reasons has no dirty_throttle"),
    },
    Change {
        name: "write_other",
        title: "Find out what the slow writes wait for, and take other writers off the disk",
        how: "No recorded commit covers these writes. The kernel's stacks of threads that stand still, and block \
              I/O, show whether they wait for the disk, for pages under writeback or for memory.",
        option: "kcorr record --for 60s --store next.kcorr",
        shown_by: "",
        risk: "",
        check: ("kcorr causes", "reasons says what made the writes slow"),
    },
    Change {
        name: "fsync",
        title: "Leave syncs to the operating system",
        how: "Replication, not sync, is what Kafka relies on; explicit flush settings make appends wait for the \
              disk. A topic may have its own: flush.messages, flush.ms.",
        option: "kafka-configs.sh --bootstrap-server BROKER --entity-type topics --entity-name TOPIC --alter \
                 --delete-config flush.messages,flush.ms",
        shown_by: "kafka-configs.sh --bootstrap-server BROKER --entity-type topics --describe",
        risk: "Records that only one broker has, and that it had not written, are lost when its machine fails.",
        check: ("kcorr causes", "no slow_sync"),
    },
    Change {
        name: "leader_changes",
        title: "Change leaders and replicas of partitions a few at a time, and while the disk is idle",
        how: "A leader whose epoch has risen, as when a replica is taken from its partition, writes that down and \
              syncs it while it keeps all requests to the partition out (leaderIsrUpdateLock). On a slow disk that \
              is long. Move partitions in small steps, hold what they copy below what the disk can take, or put the \
              logs on a disk that syncs faster.",
        option: "kafka-reassign-partitions.sh --bootstrap-server BROKER --execute --reassignment-json-file PART.json \
                 --throttle BYTES",
        shown_by: "kafka-reassign-partitions.sh --bootstrap-server BROKER --list",
        risk: "Moving them takes longer. The throttle stays until --verify takes it away.",
        check: ("kcorr causes", "reasons has no epoch_checkpoint"),
    },
    Change {
        name: "page_cache",
        title: "Keep what consumers read in memory",
        how: "A read of data that left the page cache waits for the disk, and whoever needs its thread or its \
              log waits with it. Find the consumer that is far behind (kcorr readers), move it to followers or \
              slow it down with a quota, or give the page cache more memory.",
        option: "kafka-configs.sh --bootstrap-server BROKER --entity-type clients --entity-name CLIENT --alter \
                 --add-config consumer_byte_rate=BYTES",
        shown_by: "kafka-configs.sh --bootstrap-server BROKER --entity-type clients --describe",
        risk: "A consumer with a quota falls behind further.",
        check: ("kcorr readers", "blamed_requests is 0"),
    },
    Change {
        name: "spread_connections",
        title: "Do not queue requests behind each other on one connection",
        how: "Kafka serves one request of a connection at a time. Several producers, or one for each \
              critical topic, keep a slow partition from holding up requests to all others. The requests \
              that it would save are fine themselves. No replay says what is left: they would then meet at the \
              handlers and the logs.",
        option: "max.in.flight.requests.per.connection",
        shown_by: "",
        risk: "More connections, and more memory on both sides.",
        check: ("kcorr blame", "connection_queue_ms is less"),
    },
    Change {
        name: "spread_partitions",
        title: "Spread the load over more partitions",
        how: "Appends to one log exclude each other. Fewer requests then meet the lock that a slow write holds.",
        option: "kafka-topics.sh --bootstrap-server BROKER --alter --topic TOPIC --partitions COUNT",
        shown_by: "kafka-topics.sh --bootstrap-server BROKER --describe",
        risk: "Keys go to other partitions from then on, so their order is lost once; partitions cannot be taken \
               away.",
        check: ("kcorr blame", "lock_wait_ms is less"),
    },
    Change {
        name: "more_handlers",
        title: "Run more request handlers",
        how: "Nearly all of them stood still at once, so that requests to other logs found none. It \
              does not make the writes themselves faster. It takes effect at once.",
        option: "kafka-configs.sh --bootstrap-server BROKER --entity-type brokers --entity-name ID --alter \
                 --add-config num.io.threads=COUNT",
        shown_by: "kafka-configs.sh --bootstrap-server BROKER --entity-type brokers --entity-name ID --describe --all",
        risk: "More requests are worked on at once: more memory, and more writers for the same disk.",
        check: ("kcorr causes", "queued_behind_slow_write is less"),
    },
    Change {
        name: "gc",
        title: "Shorten stops of the JVM",
        how: "The collector's log says what the stops were about.",
        option: "-Xlog:gc*,safepoint*:file=gc.log",
        shown_by: "jcmd PID VM.command_line",
        risk: "Options of a collector trade throughput for short stops.",
        check: ("kcorr causes", "pause is less"),
    },
    Change {
        name: "gc_log_disk",
        title: "Keep the JVM's own files off the slow disk",
        how: "The thread that stops the JVM writes the GC log, and all others wait for it. Put the log on a disk \
              of its own or in memory, or let another thread write it (JDK 17 on). The JVM also writes to a \
              mapped file in /tmp (hsperfdata), unless that is turned off; jps and jstat then do not see it.",
        option: "KAFKA_OPTS='-Xlog:async -XX:+PerfDisableSharedMem'",
        shown_by: "jcmd PID VM.command_line",
        risk: "With -Xlog:async lines are dropped when they come too fast, which the log says.",
        check: ("kcorr causes", "reasons has no pause_io"),
    },
    Change {
        name: "late_threads",
        title: "Find the threads that come late to safepoints",
        how: "All others wait for the last one: in a page fault of a mapped file, for a CPU, or in a long loop \
              without a poll. The JVM names those that take longer than a limit.",
        option: "KAFKA_OPTS='-XX:+SafepointTimeout -XX:SafepointTimeoutDelay=MS'",
        shown_by: "jcmd PID VM.command_line",
        risk: "It writes a few lines for each late stop.",
        check: (
            "grep -A2 SafepointSynchronize kafkaServer.out",
            "the threads by name",
        ),
    },
    Change {
        name: "vm_operations",
        title: "Do without the operations that stop the JVM",
        how: "Heap dumps, class histograms, thread dumps and agents stop all threads. See who asks for them, and \
              when: monitoring often does.",
        option: "-Xlog:safepoint*,vmthread*:file=gc.log",
        shown_by: "",
        risk: "What asked for them goes without.",
        check: ("kcorr causes", "pause is less"),
    },
    Change {
        name: "reconnect_storm",
        title: "Let clients connect anew more slowly",
        how: "A handshake keeps its network thread from all other connections, one of TLS with a signature most \
              of all. Clients wait between attempts (reconnect.backoff.max.ms) and should keep their connections; \
              the broker can take fewer a second, which it learns while it runs. With more network threads a storm \
              keeps a smaller part of the connections waiting.",
        option: "kafka-configs.sh --bootstrap-server BROKER --entity-type brokers --entity-default --alter \
                 --add-config max.connection.creation.rate=COUNT",
        shown_by: "kafka-configs.sh --bootstrap-server BROKER --entity-type brokers --entity-name ID --describe --all",
        risk: "Clients are connected later, also when all of them come back after a restart.",
        check: (
            "kcorr query reconnect_storms",
            "opened and tls_worst_ms are less",
        ),
    },
    Change {
        name: "more_cpu",
        title: "Give the broker more CPU, or less to do with it",
        how: "Decompression, conversion of message formats and TLS take most of it on brokers; whatever else \
              runs on the machine competes with it. With another compression.type than its producers' a broker \
              compresses everything anew.",
        option: "kafka-configs.sh --bootstrap-server BROKER --entity-type topics --entity-name TOPIC --alter \
                 --add-config compression.type=producer",
        shown_by: "nproc; cat /sys/fs/cgroup/cpu.max",
        risk: "Records are kept as producers compressed them, which may be less.",
        check: ("kcorr causes", "cpu is less"),
    },
    Change {
        name: "cpu_quota",
        title: "Raise the CPU quota of the broker's control group",
        how: "All its threads stand still until the next period once the quota is used up, however idle the \
              machine is. In Kubernetes it is resources.limits.cpu.",
        option: "cpu.max",
        shown_by: "cat /sys/fs/cgroup/cpu.max",
        risk: "Others on the machine may get less.",
        check: ("kcorr causes", "cpu_throttle is less"),
    },
    Change {
        name: "client_quota",
        title: "Raise the quota, or let the client send less",
        how: "The broker delays these requests on purpose.",
        option: "kafka-configs.sh --bootstrap-server BROKER --entity-type clients --entity-name CLIENT --alter \
                 --add-config producer_byte_rate=BYTES",
        shown_by: "kafka-configs.sh --bootstrap-server BROKER --entity-type clients --describe",
        risk: "The client takes more of what the broker has for all.",
        check: ("kcorr causes", "throttled is less"),
    },
    Change {
        name: "followers",
        title: "Find out why the followers were late",
        how: "With acks=all the answer waits for all replicas that are in sync. Record on the followers over \
              the same time: their disk, their CPU and their fetcher threads. num.replica.fetchers and \
              replica.fetch.wait.max.ms are settings of theirs.",
        option: "kcorr record --for 60s --store follower.kcorr",
        shown_by: "kafka-configs.sh --bootstrap-server FOLLOWER --entity-type brokers --entity-name ID --describe --all",
        risk: "",
        check: ("kcorr followers", "waited_ms is less"),
    },
    Change {
        name: "network_threads",
        title: "Run more network threads, or find what keeps them",
        how: "A network thread serves many connections; one that computes or waits for the disk holds all \
              of them up.",
        option: "kafka-configs.sh --bootstrap-server BROKER --entity-type brokers --entity-name ID --alter \
                 --add-config num.network.threads=COUNT",
        shown_by: "kafka-configs.sh --bootstrap-server BROKER --entity-type brokers --entity-name ID --describe --all",
        risk: "More threads compete for the CPUs, and connections that are open stay where they are.",
        check: ("kcorr causes", "network_thread is less"),
    },
    Change {
        name: "client_buffer",
        title: "Let clients take more bytes at once, and read them sooner",
        how: "Their receive window was closed or full while more of a response was to come: the program did not \
              read, or the buffer of its socket is smaller than what the network carries in a round trip.",
        option: "receive.buffer.bytes=-1",
        shown_by: "sysctl net.ipv4.tcp_rmem",
        risk: "Memory of each connection of the client.",
        check: ("kcorr causes", "reasons has no client_window"),
    },
    Change {
        name: "window_scaling",
        title: "Find out why windows were not scaled",
        how: "Without window scaling no window is above 64 kB. A broker that answers from SYN cookies without \
              timestamps loses it: its backlog was full when the client connected, as after a restart, and the \
              connection stays slow for as long as it is open. The backlog is the lesser of \
              socket.listen.backlog.size and net.core.somaxconn.",
        option: "socket.listen.backlog.size, net.core.somaxconn, net.ipv4.tcp_timestamps=1",
        shown_by: "sysctl net.core.somaxconn net.ipv4.tcp_timestamps",
        risk: "The broker is started anew for its part, and connections are made anew.",
        check: ("kcorr connections", "window_scaling is on"),
    },
    Change {
        name: "broker_buffer",
        title: "Let the broker take more bytes at once",
        how: "Its receive window was closed or full while more of a request was to come. Requests behind another \
              one of their connection are not read meanwhile, and fill it, too. With -1 the kernel finds the \
              size by itself.",
        option: "socket.receive.buffer.bytes=-1",
        shown_by: "kafka-configs.sh --bootstrap-server BROKER --entity-type brokers --entity-name ID --describe --all",
        risk: "Memory of each connection of the broker, which is started anew for it.",
        check: ("kcorr causes", "reasons has no broker_window"),
    },
    Change {
        name: "packet_loss",
        title: "Find where packets are lost",
        how: "Bytes were sent again because they had not arrived; what is behind them waits. Between whom, and \
              in which direction, is in kcorr connections.",
        option: "ip -s link; ethtool -S INTERFACE",
        shown_by: "",
        risk: "",
        check: ("kcorr connections", "lost_ms is less"),
    },
    Change {
        name: "record_more",
        title: "Record more",
        how: "No recorded row explains these requests. File writes with their threads, monitor waits and pauses \
              are what verdicts rest on.",
        option: "kcorr record --for 60s --store next.kcorr",
        shown_by: "kcorr doctor",
        risk: "",
        check: ("kcorr why_not", "what is left, and what would settle it"),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_has_what_people_ask_before_they_make_it() {
        for change in CHANGES {
            assert!(
                change.title.len() > 5 && change.how.len() > 20,
                "{}",
                change.name
            );
            assert!(!change.option.is_empty(), "{}", change.name);
            let (command, says) = change.check;
            assert!(!command.is_empty() && !says.is_empty(), "{}", change.name);
            // What changes nothing but records or looks has no risk; all else has one.
            let looks = ["kcorr ", "ip "]
                .iter()
                .any(|it| change.option.starts_with(it));
            assert_eq!(change.risk.is_empty(), looks, "{}", change.name);
        }
    }
}
