//! The kinds of recordings, and what a file that is none of them looks like.

/// What the first bytes of a file look like, in words.
pub(crate) fn looks_like(head: &[u8]) -> Option<String> {
    let flags = [
        ("--jfr", kcorr_ingest_jfr::recognise(head)),
        ("--pcap", kcorr_ingest_pcap::recognise(head)),
        ("--gc-log", kcorr_ingest_broker::recognise_gc_log(head)),
        (
            "--request-log",
            kcorr_ingest_broker::recognise_request_log(head),
        ),
        (
            "--threads",
            kcorr_ingest_broker::recognise_thread_dump(head),
        ),
        ("--bpf", kcorr_ingest_bpf::recognise(head)),
    ];
    let known = flags
        .into_iter()
        .find_map(|(flag, format)| Some((flag, format?)));
    if let Some((flag, format)) = known {
        return Some(format!("looks like {format}: give it with {flag}"));
    }
    let other = match head {
        [0x7f, b'E', b'L', b'F', ..] => "a program (ELF)",
        [b'P', b'K', 3, 4, ..] => "a ZIP or JAR archive: unpack it first",
        [b'P', b'A', b'R', b'1', ..] => "a Parquet file",
        [b'B', b'Z', b'h', ..] => "a bzip2 file: decompress it first",
        [0xfd, b'7', b'z', b'X', b'Z', ..] => "an xz file: decompress it first",
        [b'%', b'P', b'D', b'F', ..] => "a PDF",
        _ if head.get(257..262) == Some(b"ustar") => {
            "a tar archive: give one of a log directory with --segments, else unpack it first"
        }
        _ if head.windows(12).any(|window| window == b"\"threadDump\"") => {
            "a thread dump of jcmd Thread.dump_to_file, which has no thread ids of the operating system: take one with jcmd Thread.print"
        }
        _ if head.iter().all(|byte| !matches!(byte, 0..=8 | 14..=26)) => "text of another kind",
        _ => return None,
    };
    Some(format!("looks like {other}"))
}
