//! The kinds of recordings: the option that each is given with, and what the option reads.

use kcorr_ingest_bpf::Format;

/// The option of what `kcorr record` says of a broker, its number too.
pub(crate) const CONTEXT: &str = "context";

/// The option of key logs: they are no recordings, but what opens those of encrypted connections.
pub(crate) const TLS_KEYS: &str = "tls-keys";

/// A kind of recordings.
#[derive(Debug)]
pub(crate) struct Kind {
    /// Its option without the dashes.
    pub(crate) option: &'static str,
    /// What the option reads, one form a line.
    pub(crate) reads: &'static [&'static str],
    /// What a file is, by its first bytes, if it is of this kind.
    recognise: fn(&[u8]) -> Option<&'static str>,
}

/// All kinds, the surest to be recognised first.
pub(crate) static KINDS: &[Kind] = &[
    Kind {
        option: "jfr",
        reads: &[
            "recordings of the JDK's Flight Recorder, JDK 11 and later",
            "recordings of async-profiler (-o jfr, or a file that ends in .jfr)",
        ],
        recognise: kcorr_ingest_jfr::recognise,
    },
    Kind {
        option: "pcap",
        reads: &[
            "pcap and pcapng, of tcpdump, dumpcap or Wireshark",
            "packets that Wireshark has decrypted and exported",
            "connections encrypted by TLS, with a key log beside it or secrets within (editcap --inject-secrets)",
        ],
        recognise: kcorr_ingest_pcap::recognise,
    },
    Kind {
        option: TLS_KEYS,
        reads: &[
            "key logs of TLS sessions in captures (RFC 9850): of extract-tls-secrets, jSSLKeyLog, SSLKEYLOGFILE",
        ],
        recognise: kcorr_ingest_pcap::recognise_key_log,
    },
    Kind {
        option: "gc-log",
        reads: &[
            "logs of -Xlog:gc*,safepoint*, JDK 9 and later",
            "logs of JDK 8 with -XX:+PrintGCDetails -XX:+PrintGCDateStamps",
        ],
        recognise: kcorr_ingest_broker::recognise_gc_log,
    },
    Kind {
        option: "request-log",
        reads: &["lines of kafka.request.logger at DEBUG (`Completed request:…`), in any layout"],
        recognise: kcorr_ingest_broker::recognise_request_log,
    },
    Kind {
        option: "threads",
        reads: &["thread dumps of jstack, jcmd Thread.print or kill -QUIT"],
        recognise: kcorr_ingest_broker::recognise_thread_dump,
    },
    Kind {
        option: "cpu-stat",
        reads: &[
            "samples of a control group's cpu.stat, each behind its time: \
             while sleep 0.1; do date +%s.%N; cat /sys/fs/cgroup/…/cpu.stat; done",
        ],
        recognise: kcorr_ingest_broker::recognise_cpu_stat,
    },
    Kind {
        option: CONTEXT,
        reads: &["what kcorr record says of a broker's host and settings (context.jsonl)"],
        recognise: kcorr_ingest_broker::recognise_context,
    },
    Kind {
        option: "sli",
        reads: &[
            "what a client saw of its own messages, one JSON object a line (client_message, intended_ns, …)",
            "librdkafka's statistics (statistics.interval.ms), one JSON object a line, also behind what a log writes before it",
        ],
        recognise: kcorr_ingest_client::recognise_client_messages,
    },
    Kind {
        option: "bpf",
        reads: &[
            "JSON lines of kcorr's own probes (`kcorr probes`)",
            "bpftrace: text with maps of stacks, or -f json",
            "tables of ext4slower, xfsslower, btrfsslower, fileslower, funcslower, biosnoop and runqslower",
            "stacks of profile and offcputime, also folded (-f), and collapsed ones of async-profiler",
            "any other JSON lines, when --bpf-map FILE says which field is which",
            "any of these without its first lines, when --bpf-format NAME says what it is",
        ],
        recognise: kcorr_ingest_bpf::recognise,
    },
    Kind {
        option: "server-log",
        reads: &[
            "a broker's own log (server.log, kafkaServer.out, its console), in any layout: changes of in-sync sets",
        ],
        recognise: kcorr_ingest_broker::recognise_server_log,
    },
    Kind {
        option: "segments",
        reads: &[
            "a broker's log directory (log.dirs), or the folder of a topic-partition",
            "one segment, called as the broker calls it (00000000000000000000.log)",
            "a tar archive of any of these, also .tar.gz and .tar.zst",
        ],
        recognise: |_| None,
    },
];

/// What an option reads, as a list for people.
pub(crate) fn reads(option: &str) -> String {
    let Some(kind) = KINDS.iter().find(|kind| kind.option == option) else {
        return String::new();
    };
    let mut text = format!("--{option} reads, plain or compressed with gzip or zstd:");
    for form in kind.reads {
        text.push_str("\n  - ");
        text.push_str(form);
    }
    if option == "bpf" {
        text.push_str("\n  NAME is one of ");
        text.push_str(&Format::NAMES.join(", "));
    }
    text
}

/// What the first bytes of a file are, when it is of a known kind: the option, and the form in words.
pub(crate) fn recognised(head: &[u8]) -> Option<(&'static str, &'static str)> {
    KINDS
        .iter()
        .find_map(|kind| Some((kind.option, (kind.recognise)(head)?)))
}

/// What the first bytes of a file that is of no known kind look like, in words.
pub(crate) fn looks_like(head: &[u8]) -> &'static str {
    let start = head.trim_ascii_start();
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    let begins = |text: &str| {
        let start = start.get(..text.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(text.as_bytes()))
    };
    let holds = |text: &[u8]| head.windows(text.len()).any(|window| window == text);
    match head {
        [] => return "nothing",
        [0x7f, b'E', b'L', b'F', ..] => return "a program (ELF)",
        [b'P', b'K', 3, 4, ..] => return "a ZIP or JAR archive: unpack it first",
        [b'P', b'A', b'R', b'1', ..] => return "a Parquet file",
        [b'B', b'Z', b'h', ..] => return "a bzip2 file: decompress it first",
        [0xfd, b'7', b'z', b'X', b'Z', ..] => return "an xz file: decompress it first",
        [0x1f, 0x8b, ..] => return "a file that was compressed twice: decompress it once",
        [b'%', b'P', b'D', b'F', ..] => return "a PDF",
        [0x89, b'P', b'N', b'G', ..] => return "a picture (PNG)",
        _ => {}
    }
    let known = [
        ("PERFILE2", "a recording of perf, which is not read"),
        ("JAVA PROFILE", "a heap dump, which says nothing of waits"),
        ("SQLite format 3", "an SQLite database"),
        ("<!DOCTYPE html", "a web page (HTML)"),
        ("<html", "a web page (HTML)"),
        ("<?xml", "XML"),
    ];
    if let Some((_, words)) = known.into_iter().find(|(start, _)| begins(start)) {
        return words;
    }
    if head.get(257..262) == Some(b"ustar") {
        return "a tar archive: give one of a log directory with --segments, else unpack it first";
    }
    if holds(b"\"threadDump\"") {
        return "a thread dump of jcmd Thread.dump_to_file, which has no thread ids of the operating system: take one with jcmd Thread.print";
    }
    if head.iter().any(|byte| matches!(byte, 0..=8 | 14..=26)) {
        return "binary data of an unknown kind";
    }
    match start.first() {
        Some(b'{' | b'[') => "JSON of an unknown kind",
        Some(_) => "text of an unknown kind",
        None => "blank lines",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_file_is_called_by_what_it_looks_like() {
        let cases: [(&[u8], &str); 7] = [
            (b"", "nothing"),
            (b" \n <!doctype HTML><html>", "a web page (HTML)"),
            (b"\xef\xbb\xbf<HTML>", "a web page (HTML)"),
            (b"\x01\x02\x03", "binary data of an unknown kind"),
            (b"{\"a\": 1}", "JSON of an unknown kind"),
            (b"Dear diary", "text of an unknown kind"),
            (b"\n\n", "blank lines"),
        ];
        for (head, words) in cases {
            assert_eq!(looks_like(head), words);
            assert_eq!(recognised(head), None);
        }
    }

    #[test]
    fn every_option_lists_what_it_reads() {
        for kind in KINDS {
            let text = reads(kind.option);
            assert!(text.lines().count() > kind.reads.len(), "{text}");
        }
    }
}
