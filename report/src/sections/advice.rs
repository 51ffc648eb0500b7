//! What to try next, each with the evidence that asks for it.

use crate::{Answer, Answers, Block, Section, Table, Text};

struct Change {
    name: &'static str,
    title: &'static str,
    how: &'static str,
    option: &'static str,
}

static CHANGES: &[Change] = &[
    Change {
        name: "journal_writeback",
        title: "Mount ext4 without ordered data",
        how: "A commit then no longer waits until file data is on the disk. After a crash, files may hold \
              old blocks behind their end; Kafka checks and cuts its logs at start-up, other programs on \
              the file system may not.",
        option: "mount -o data=writeback",
    },
    Change {
        name: "journal_fast_commit",
        title: "Turn on fast commits",
        how: "A sync then writes a short record instead of making the whole journal commit. Commits that the \
              journal's timer begins stay as they are. Needs a kernel and e2fsprogs that know it.",
        option: "tune2fs -O fast_commit",
    },
    Change {
        name: "journal_interval",
        title: "Commit the journal more often",
        how: "Each commit then has less to write and holds writes up for a shorter time, but there are more of \
              them. Measure before and after.",
        option: "mount -o commit=SECONDS",
    },
    Change {
        name: "journal_other_fs",
        title: "Put the logs on a file system that does not stop writers while it commits",
        how: "XFS logs metadata without making appends wait for the whole transaction.",
        option: "mkfs.xfs",
    },
    Change {
        name: "write_other",
        title: "Find out what the slow writes wait for, and take other writers off the disk",
        how: "No recorded commit covers these writes. Stacks of off-CPU time during writes, and block I/O, \
              show whether they wait for the disk, for pages under writeback or for memory.",
        option: "kcorr probes",
    },
    Change {
        name: "fsync",
        title: "Leave syncs to the operating system",
        how: "Replication, not sync, is what Kafka relies on; explicit flush settings make appends wait \
              for the disk.",
        option: "log.flush.interval.messages, log.flush.interval.ms",
    },
    Change {
        name: "page_cache",
        title: "Keep what consumers read in memory",
        how: "A read of data that left the page cache waits for the disk, and whoever needs its thread or its \
              log waits with it. Find the consumer that is far behind, move it to followers or slow it down \
              with a quota, or give the page cache more memory.",
        option: "replica.selector.class, consumer_byte_rate",
    },
    Change {
        name: "spread_connections",
        title: "Do not queue requests behind each other on one connection",
        how: "Kafka serves one request of a connection at a time. Several producers, or one for each \
              critical topic, keep a slow partition from holding up requests to all others. The requests \
              that it would save are fine themselves. No replay says what is left: they would then meet at the \
              handlers and the logs.",
        option: "max.in.flight.requests.per.connection",
    },
    Change {
        name: "spread_partitions",
        title: "Spread the load over more partitions",
        how: "Appends to one log exclude each other. Fewer requests then meet the lock that a slow write holds.",
        option: "kafka-topics.sh --alter --partitions",
    },
    Change {
        name: "more_handlers",
        title: "Run more request handlers",
        how: "Nearly all of them stood still at once, so that requests to other logs found none. It \
              does not make the writes themselves faster.",
        option: "num.io.threads",
    },
    Change {
        name: "gc",
        title: "Shorten stops of the JVM",
        how: "See the collector's log for what the stops were about.",
        option: "-Xlog:gc*,safepoint*",
    },
    Change {
        name: "gc_log_disk",
        title: "Keep the JVM's own files off the slow disk",
        how: "The thread that stops the JVM writes the GC log, and all others wait for it. Put the log on a disk \
              of its own or in memory, or let another thread write it (JDK 17 on). The JVM also writes to a \
              mapped file in /tmp (hsperfdata), unless that is turned off; jps and jstat then do not see it.",
        option: "-Xlog:async, -XX:+PerfDisableSharedMem",
    },
    Change {
        name: "late_threads",
        title: "Find the threads that come late to safepoints",
        how: "All others wait for the last one: in a page fault of a mapped file, for a CPU, or in a long loop \
              without a poll. The JVM names those that take longer than a limit.",
        option: "-XX:+SafepointTimeout -XX:SafepointTimeoutDelay=MS",
    },
    Change {
        name: "vm_operations",
        title: "Do without the operations that stop the JVM",
        how: "Heap dumps, class histograms, thread dumps and agents stop all threads. See who asks for them, and \
              when: monitoring often does.",
        option: "-Xlog:safepoint*,vmthread*",
    },
    Change {
        name: "more_cpu",
        title: "Give the broker more CPU, or less to do with it",
        how: "Decompression, conversion of message formats and TLS take most of it on brokers; whatever else \
              runs on the machine competes with it.",
        option: "compression.type=producer",
    },
    Change {
        name: "cpu_quota",
        title: "Raise the CPU quota of the broker's control group",
        how: "All its threads stand still until the next period once the quota is used up, however idle the \
              machine is.",
        option: "cpu.max, resources.limits.cpu",
    },
    Change {
        name: "client_quota",
        title: "Raise the quota, or let the client send less",
        how: "The broker delays these requests on purpose.",
        option: "producer_byte_rate, request_percentage",
    },
    Change {
        name: "followers",
        title: "Find out why the followers were late",
        how: "With acks=all the answer waits for all replicas that are in sync. Record on the followers over \
              the same time: their disk, their CPU and their fetcher threads.",
        option: "num.replica.fetchers, replica.fetch.wait.max.ms",
    },
    Change {
        name: "network_threads",
        title: "Run more network threads, or find what keeps them",
        how: "A network thread serves many connections; one that computes or waits for the disk holds all \
              of them up.",
        option: "num.network.threads",
    },
    Change {
        name: "client_buffer",
        title: "Let clients take more bytes at once, and read them sooner",
        how: "Their receive window was closed or full while more of a response was to come: the program did not \
              read, or the buffer of its socket is smaller than what the network carries in a round trip.",
        option: "receive.buffer.bytes, net.ipv4.tcp_rmem",
    },
    Change {
        name: "window_scaling",
        title: "Find out why windows were not scaled",
        how: "Without window scaling no window is above 64 kB. A broker that answers from SYN cookies without \
              timestamps loses it: its backlog was full when the client connected, as after a restart, and the \
              connection stays slow for as long as it is open.",
        option: "socket.listen.backlog.size, net.core.somaxconn, net.ipv4.tcp_timestamps",
    },
    Change {
        name: "broker_buffer",
        title: "Let the broker take more bytes at once",
        how: "Its receive window was closed or full while more of a request was to come. Requests behind another \
              one of their connection are not read meanwhile, and fill it, too.",
        option: "socket.receive.buffer.bytes",
    },
    Change {
        name: "packet_loss",
        title: "Find where packets are lost",
        how: "Bytes were sent again because they had not arrived; what is behind them waits. `kcorr query \
              connections` says between whom, and in which direction.",
        option: "ip -s link, ethtool -S",
    },
    Change {
        name: "record_more",
        title: "Record more",
        how: "No recorded row explains these requests. File writes with their threads, monitor waits and pauses \
              are what verdicts rest on.",
        option: "kcorr probes",
    },
];

pub(super) fn section(answers: &Answers) -> Option<Section> {
    let advice = answers.rows("advice")?;
    let mut blocks = vec![Block::Paragraph(
        "First what takes away the root, then what lets fewer requests wait for it. Changes under one heading \
         are alternatives, and gains do not add up. Record again after a change, and compare."
            .into(),
    )];
    if let Some(why) = answers.why_left_out("expected_gains") {
        blocks.push(Block::Note(why.clone()));
    }
    let mut row = 0;
    while row < advice.len() {
        let evidence = advice.text(row, "evidence");
        let same = (row..advice.len()).take_while(|&at| advice.text(at, "evidence") == evidence);
        let rows: Vec<usize> = same.collect();
        let id = format!("advice-{}", advice.text(row, "change"));
        blocks.push(Block::Heading(id, heading(evidence)));
        blocks.push(Block::Paragraph(why(advice, row)));
        blocks.extend(expected(answers, advice.text(row, "whatif")).map(Block::Paragraph));
        blocks.push(Block::List(
            rows.iter().map(|&at| change(advice, at)).collect(),
        ));
        if evidence == "journal commits"
            && let Some(commits) = answers.rows("root_commits")
        {
            blocks.push(Block::Table(Table::of(
                commits,
                "root-commits",
                "What tells changes to the journal apart".into(),
                &[
                    ("start_time", "Start (UTC)"),
                    ("duration_ms", "Duration"),
                    ("gap_ms", "After the one before"),
                    ("began_by", "Begun by"),
                    ("flush_ratio", "Flushing file data"),
                    ("request_count", "Slow requests"),
                ],
            )));
        }
        row += rows.len();
    }
    if let Some(why_not) = answers.rows("why_not") {
        let caption = "What is not explained, and what recording would settle it";
        blocks.push(Block::Table(Table::whole(
            why_not,
            "why-not",
            caption.into(),
        )));
    }
    Some(Section {
        id: "advice",
        title: "What to try next".to_owned(),
        blocks,
    })
}

/// What a replay without a kind of wait gives, and how to check it.
fn expected(answers: &Answers, kind: &str) -> Option<Text> {
    let gains = answers.rows("expected_gains")?;
    let row = gains.row_where("kind", kind)?;
    let slo = answers.rows("headline")?.cell(0, "slo_ms").text();
    let range = |low, high| {
        let text = Text::from(gains.cell(row, low));
        if gains.value(row, low) == gains.value(row, high) {
            text
        } else {
            text.and(" to ").and(gains.cell(row, high))
        }
    };
    let text = Text::default()
        .strong("Expected gain.")
        .and(" With none of these waits, a replay of this recording has ")
        .append(range("slow_low_count", "slow_high_count"))
        .and(" slow requests instead of ")
        .and(gains.cell(row, "slow_count"))
        .and(", and a 99.9th percentile of ")
        .append(range("p999_low_ms", "p999_high_ms"))
        .and(" instead of ")
        .and(gains.cell(row, "p999_ms"))
        .and(". Nineteen in twenty other runs without them would have ")
        .append(range("slow_run_low_count", "slow_run_high_count"))
        .and(".");
    Some(text.and(" Check: ").code(&format!(
        "kcorr whatif --without {kind} --slo {slo}ms --account-from {slo}ms"
    )))
}

/// Whether the recordings tell a change from its alternatives, and what would.
fn support(advice: &Answer, row: usize) -> Option<Text> {
    let measure = match advice.text(row, "change") {
        "journal_writeback" => {
            "The probe journal records how long commits flush file data; or record with the option, and compare"
        }
        "journal_fast_commit" | "journal_interval" => {
            "Who begins commits shows in a recording of more of them, and in one of all processes' syncs"
        }
        "journal_other_fs" => "Record the same load there, and compare",
        "window_scaling" => "A capture that has the connections' first packets shows it",
        _ => return None,
    };
    let text = match advice.text(row, "support") {
        "shown" => Text::default().strong("The recording asks for it:"),
        "against" => Text::default().strong("The recording speaks against it:"),
        _ => {
            return Some(
                Text::default()
                    .strong("The recording does not tell.")
                    .and(" ")
                    .and(measure)
                    .and("."),
            );
        }
    };
    let sign = match advice.text(row, "change") {
        "journal_writeback" => " commits spent half of their time or more flushing file data.",
        "journal_fast_commit" => " commits were asked for by a sync or the like.",
        "window_scaling" => " are on connections whose windows are not scaled.",
        _ => " commits were begun by the journal's timer.",
    };
    Some(
        text.and(" ")
            .and(advice.cell(row, "for_count"))
            .and(" of ")
            .and(advice.cell(row, "evidence_count"))
            .and(sign),
    )
}

/// The evidence, as a heading.
fn heading(evidence: &str) -> Text {
    let mut text = evidence.to_owned();
    if let Some(first) = text.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    text.into()
}

fn change(advice: &Answer, row: usize) -> Text {
    let known = CHANGES
        .iter()
        .find(|change| change.name == advice.text(row, "change"));
    let Some(change) = known else {
        return advice.text(row, "change").into();
    };
    let text = Text::default()
        .strong(change.title)
        .and(". ")
        .and(change.how)
        .and(" ")
        .code(change.option);
    match support(advice, row) {
        Some(support) => text.and(" ").append(support),
        None => text,
    }
}

fn why(advice: &Answer, row: usize) -> Text {
    let cell = |column| advice.cell(row, column);
    let text = Text::from("Seen: ")
        .and(cell("evidence_count"))
        .and(", the longest ")
        .and(cell("worst_ms"))
        .and(". Slow requests concerned: ")
        .and(cell("request_count"))
        .and(" (")
        .and(cell("request_ratio"))
        .and("). ");
    match advice.number(row, "gain_ms") {
        Some(_) => text
            .and("They spent on it ")
            .and(cell("gain_ratio"))
            .and(" of all slow requests' time (")
            .and(cell("gain_ms"))
            .and("): no change can gain more of it."),
        None => text,
    }
}
