//! `kcorr ingest`

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use chrono::NaiveDate;
use clap::Args;
use kcorr_engine::Job;
use kcorr_ingest_bpf::{BpfDecoder, BpfOptions, FieldMap, Format};
use kcorr_ingest_broker::{
    ContextDecoder, CpuStatDecoder, GcLogDecoder, RequestLogDecoder, SegmentsDecoder,
    ServerLogDecoder, ThreadDumpDecoder,
};
use kcorr_ingest_client::ClientMessagesDecoder;
use kcorr_ingest_jfr::{JfrDecoder, JfrOptions};
use kcorr_ingest_pcap::{PcapDecoder, PcapOptions, TlsKeys};
use kcorr_model::Severity;
use kcorr_store::{Extent, SourceReport, Store, StoreWriter};

use crate::causes::with_causes;
use crate::commands::by_content::ByContent;
use crate::commands::captures::{self, Captures};
use crate::commands::memory::Memory;
use crate::commands::named_brokers::NamedBrokers;
use crate::commands::tls_keys::TlsKeyLogs;
use crate::commands::unread_input::UnreadInputs;
use crate::commands::{DEFAULT_STORE, Global, compact, log_directory};
use crate::exit::Status;
use crate::progress::Bars;
use crate::recordings;
use crate::screen::Screen;
use crate::stop::Signals;

/// Put recordings into the store
///
/// Every input is stored whole or not at all. The same input again replaces what it gave before; a new
/// one adds to it. Files compressed with gzip or zstd are read as they are, and `-` is standard input.
/// Ctrl-C (or TERM) ends a pipe, and what came through it is stored; of files that are not read to their
/// end nothing is. A second one ends kcorr, and leaves the store as it was.
#[derive(Debug, Default, Args)]
#[command(after_help = "\
Examples:
  kcorr ingest --jfr profile.jfr --bpf writes.jsonl --pcap dump.pcap
  kcorr ingest monday/                                     every recording in a folder, known by its content
  kcorr ingest profile.jfr writes.jsonl dump.pcap          the same of files
  kcorr ingest --pcap dump.pcap*                           rotated files of one capture, in any order
  kcorr ingest --pcap dump.pcap --kafka-port 9092,9093     brokers' ports, when not all are to be read
  kcorr ingest --pcap dump.pcap --tls-keys tls-keys.log    connections encrypted by TLS
  tcpdump -i any -w - port 9092 | kcorr ingest --pcap -
  kcorr --store monday.kcorr ingest --bpf writes.jsonl --threads jstack.txt
  kcorr ingest --broker 3 third-host/                      recordings of broker 3, beside those of others

Exit status: 0 done, 1 done but something in an input could not be read (SELECT * FROM losses), 2 failed.")]
pub(crate) struct Ingest {
    /// Recordings of any kind, known by their content, and folders of them
    #[arg(value_name = "FILE|FOLDER")]
    files: Vec<PathBuf>,

    /// JFR recordings, of async-profiler or the JDK
    #[arg(long, num_args = 1.., value_name = "FILE")]
    jfr: Vec<PathBuf>,

    /// Output of bpftrace or bcc tools: JSON lines or text
    #[arg(long, num_args = 1.., value_name = "FILE")]
    bpf: Vec<PathBuf>,

    #[command(flatten)]
    pcap: Captures,

    #[command(flatten)]
    tls_keys: TlsKeyLogs,

    /// Thread dumps (jstack, jcmd Thread.print)
    #[arg(long, num_args = 1.., value_name = "FILE")]
    threads: Vec<PathBuf>,

    /// Ports of the broker in captures; without: 9092, and those that Kafka is spoken on
    #[arg(long, value_name = "PORT", num_args = 1.., value_delimiter = ',')]
    kafka_port: Vec<u16>,

    /// Log directories of the broker: the folder above those of the topic-partitions, one of these, or a tar archive (also .tar.gz, .tar.zst)
    #[arg(long, num_args = 1.., value_name = "FOLDER")]
    segments: Vec<PathBuf>,

    /// GC logs of the JVM (-Xlog:gc*,safepoint*; JDK 8's)
    #[arg(long, num_args = 1.., value_name = "FILE")]
    gc_log: Vec<PathBuf>,

    /// Request logs of the broker
    #[arg(long, num_args = 1.., value_name = "FILE")]
    request_log: Vec<PathBuf>,

    /// Logs of the broker itself (server.log): changes of in-sync sets
    #[arg(long, num_args = 1.., value_name = "FILE")]
    server_log: Vec<PathBuf>,

    /// Samples of the cpu.stat of the broker's control group, each behind its time (date +%s.%N)
    #[arg(long, num_args = 1.., value_name = "FILE")]
    cpu_stat: Vec<PathBuf>,

    /// What kcorr record says of a broker's host and settings (context.jsonl)
    #[arg(long, num_args = 1.., value_name = "FILE")]
    context: Vec<PathBuf>,

    /// What a client saw of its own messages, or librdkafka's statistics of it (JSON lines)
    #[arg(long, num_args = 1.., value_name = "FILE")]
    sli: Vec<PathBuf>,

    #[arg(long, value_name = "FORMAT", help = format!("Format of --bpf inputs, when it is not recognised: {}", Format::NAMES.join(", ")))]
    bpf_format: Option<Format>,

    /// How the fields of your own JSON lines map to tables (TOML)
    #[arg(long, value_name = "FILE")]
    bpf_map: Option<PathBuf>,

    /// Day of text times that have none, or no year, as YYYY-MM-DD
    #[arg(long, value_name = "DATE")]
    date: Option<NaiveDate>,

    /// Make this JFR event type a table, `jfr_NAME`
    #[arg(long, value_name = "NAME")]
    jfr_event: Vec<String>,

    /// Record header that holds a message's id, instead of the usual names
    #[arg(long, value_name = "NAME", conflicts_with = "no_message_ids")]
    message_id_header: Vec<String>,

    /// Do not read record headers (faster)
    #[arg(long)]
    no_message_ids: bool,

    /// End with status 2 when anything could not be read
    #[arg(long)]
    strict: bool,

    #[command(flatten)]
    memory: Memory,
}

impl Ingest {
    /// An ingest of files and folders, each by its content: `kcorr ingest FILE…`.
    pub(crate) fn of(files: Vec<PathBuf>, memory: Memory) -> Self {
        Self {
            files,
            memory,
            ..Self::default()
        }
    }

    pub(crate) fn run(&self, global: &Global, screen: &Screen) -> anyhow::Result<Status> {
        let field_map = self.field_map()?;
        let (mut recordings, misplaced) = without_keys(self.recordings()?);
        let mut found = ByContent::of(&self.files);
        recordings.append(&mut found.recordings);
        found.refused.extend(misplaced);
        let tls_keys = self.tls_keys(&recordings, &mut found)?;
        for (path, words) in &found.left_out {
            screen.note(&format!("{}: left out, {words}", path.display()));
        }
        for (path, why) in &found.refused {
            screen.error(&anyhow::anyhow!("{}: {why}", path.display()));
        }
        let brokers = NamedBrokers::beside(&recordings);
        let jobs: Vec<Job<'_>> = recordings
            .into_iter()
            .map(|(option, paths)| {
                let broker = global.broker.or_else(|| brokers.of(&paths));
                self.job(option, paths, broker, &field_map, &tls_keys)
            })
            .collect();
        if jobs.is_empty() {
            let options: Vec<String> = recordings::KINDS
                .iter()
                .filter(|kind| kind.option != recordings::TLS_KEYS)
                .map(|kind| format!("--{}", kind.option))
                .collect();
            bail!(
                "nothing to ingest: give recordings, or a folder of them, as they are or with {} (see --help)",
                options.join(", ")
            );
        }
        let inputs: Vec<Vec<PathBuf>> = jobs.iter().map(|job| job.paths.clone()).collect();
        let kinds: Vec<&str> = jobs.iter().map(|job| job.kind).collect();
        let mut writer = StoreWriter::open(&global.store, || {
            screen.note("another kcorr is writing to this store: waiting for it to end");
        })?;
        let bars = Bars::new(inputs.iter().map(|paths| name(paths)), screen);
        let signals = Signals::watch(screen)?;
        let not_stored = kcorr_engine::ingest(&mut writer, jobs, &bars, signals.stop());
        signals.reading_ended();
        let committing = bars.during("putting rows in order, checking clocks");
        let committed = kcorr_engine::commit_with(&mut writer, &self.memory.options())?;
        drop(committing);
        let reports = committed.sources;
        for report in &reports {
            show(report, screen);
        }
        for (job, known) in &not_stored.known {
            screen.note(&format!("{}: {known}", name(&inputs[*job])));
        }
        if let Some(error) = &committed.unchecked {
            screen.warning(&format!(
                "clocks were not checked against each other, and are as the recordings declare them: {}",
                with_causes(error)
            ));
        }
        if let Some(error) = &committed.uncompared {
            screen.warning(&format!(
                "rows were not compared with those of other recordings, and some may be stored twice: {}",
                with_causes(error)
            ));
        }
        let errors = &not_stored.errors;
        let mut unread = UnreadInputs::new(screen);
        for (job, error) in errors {
            unread.show(error, kinds[*job], &inputs[*job]);
        }
        unread.finish();
        let next = next_command(&global.store, &reports);
        // What was ingested is stored by now, whatever becomes of this.
        let merging = bars.during("merging small files");
        let merged = writer.compact(Extent::PiledUp);
        drop(merging);
        match merged {
            Ok(done) => compact::show(&done, screen),
            Err(error) => screen.warning(&format!(
                "many small files were not merged: {}",
                with_causes(&error)
            )),
        }
        if let Some(next) = next {
            screen.note(&format!("next: kcorr {}{next}", store_option(global)));
        }
        let lost = reports.iter().any(is_lossy)
            || committed.unchecked.is_some()
            || committed.uncompared.is_some();
        let is_refused = !errors.is_empty() || !found.refused.is_empty();
        Ok(if is_refused || (lost && self.strict) {
            Status::Failed
        } else if lost {
            Status::DoneWithLoss
        } else {
            Status::Done
        })
    }

    /// The recordings of all options, each with the one that reads it.
    fn recordings(&self) -> anyhow::Result<Vec<(&'static str, Vec<PathBuf>)>> {
        let single: [(&'static str, &[PathBuf]); 9] = [
            ("jfr", &self.jfr),
            ("bpf", &self.bpf),
            ("threads", &self.threads),
            ("gc-log", &self.gc_log),
            ("request-log", &self.request_log),
            ("server-log", &self.server_log),
            ("cpu-stat", &self.cpu_stat),
            ("context", &self.context),
            ("sli", &self.sli),
        ];
        let mut recordings = Vec::new();
        for (option, paths) in single {
            recordings.extend(paths.iter().map(|path| (option, vec![path.clone()])));
        }
        recordings.extend(self.pcap.0.iter().map(|paths| ("pcap", paths.clone())));
        for folder in &self.segments {
            recordings.push(("segments", log_directory::files(folder)?));
        }
        Ok(recordings)
    }

    /// The secrets of key logs that were named, and of those that were found beside captures; of the latter, what
    /// cannot be used is refused, and the rest goes on.
    fn tls_keys(
        &self,
        recordings: &[(&'static str, Vec<PathBuf>)],
        found: &mut ByContent,
    ) -> anyhow::Result<TlsKeys> {
        let captures = || recordings.iter().filter(|(option, _)| *option == "pcap");
        let has_captures = captures().next().is_some();
        if self.tls_keys.are_given() && !has_captures {
            bail!("--tls-keys opens what captures hold: give one, with --pcap");
        }
        // Whoever writes a capture into a pipe may write keys meanwhile.
        let is_growing = captures()
            .flat_map(|(_, paths)| paths)
            .any(|path| !path.is_file());
        let keys = self.tls_keys.read(is_growing)?;
        for path in std::mem::take(&mut found.tls_keys) {
            if !has_captures {
                let words = "keys of TLS sessions, and no capture that they open".to_owned();
                found.left_out.push((path, words));
            } else if let Err(error) = self.tls_keys.read_one(&path, &keys) {
                found.refused.push((path, format!("{error:#}")));
            }
        }
        Ok(keys)
    }

    fn job<'a>(
        &'a self,
        option: &'static str,
        paths: Vec<PathBuf>,
        broker: Option<i32>,
        field_map: &'a Option<FieldMap>,
        tls_keys: &TlsKeys,
    ) -> Job<'a> {
        match option {
            "jfr" => Job {
                kind: "jfr",
                paths,
                broker,
                decoder: Box::new(|id| Box::new(JfrDecoder::new(id, self.jfr_options()))),
            },
            "pcap" => {
                let (paths, file_starts) = captures::in_order_of_time(&paths);
                let options = PcapOptions {
                    file_starts,
                    tls_keys: tls_keys.clone(),
                    ..self.pcap_options()
                };
                Job {
                    kind: "pcap",
                    paths,
                    broker,
                    decoder: Box::new(move |id| Box::new(PcapDecoder::new(id, options.clone()))),
                }
            }
            "threads" => Job {
                kind: "threads",
                paths,
                broker,
                decoder: Box::new(|id| Box::new(ThreadDumpDecoder::new(id))),
            },
            "gc-log" => Job {
                kind: "gc_log",
                paths,
                broker,
                decoder: Box::new(|id| Box::new(GcLogDecoder::new(id))),
            },
            "request-log" => Job {
                kind: "request_log",
                paths,
                broker,
                decoder: Box::new(|id| Box::new(RequestLogDecoder::new(id).date(self.date))),
            },
            "server-log" => Job {
                kind: "server_log",
                paths,
                broker,
                decoder: Box::new(|id| Box::new(ServerLogDecoder::new(id).date(self.date))),
            },
            "cpu-stat" => Job {
                kind: "cpu_stat",
                paths,
                broker,
                decoder: Box::new(|id| Box::new(CpuStatDecoder::new(id))),
            },
            "context" => Job {
                kind: "context",
                paths,
                broker,
                decoder: Box::new(|id| Box::new(ContextDecoder::new(id))),
            },
            "sli" => Job {
                kind: "sli",
                paths,
                broker,
                decoder: Box::new(|id| Box::new(ClientMessagesDecoder::new(id))),
            },
            "segments" => Job {
                kind: "segments",
                paths,
                broker,
                decoder: Box::new(|id| {
                    let headers = self.pcap_options().message_id_headers;
                    Box::new(SegmentsDecoder::new(id, headers))
                }),
            },
            _ => Job {
                kind: "bpf",
                paths,
                broker,
                decoder: Box::new(|id| Box::new(BpfDecoder::new(id, self.bpf_options(field_map)))),
            },
        }
    }

    fn jfr_options(&self) -> JfrOptions {
        let mut options = JfrOptions::default();
        options.events.clone_from(&self.jfr_event);
        options
    }

    fn bpf_options(&self, field_map: &Option<FieldMap>) -> BpfOptions {
        BpfOptions {
            format: self.bpf_format,
            date: self.date,
            field_map: field_map.clone(),
            ..BpfOptions::default()
        }
    }

    fn field_map(&self) -> anyhow::Result<Option<FieldMap>> {
        let Some(path) = &self.bpf_map else {
            return Ok(None);
        };
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let map = FieldMap::parse(&text).map_err(|e| anyhow::anyhow!("{}: {e}", path.display()))?;
        Ok(Some(map))
    }

    fn pcap_options(&self) -> PcapOptions {
        let mut options = PcapOptions::default();
        options.kafka_ports.clone_from(&self.kafka_port);
        if self.no_message_ids {
            options.message_id_headers = None;
        } else if !self.message_id_header.is_empty() {
            options.message_id_headers = Some(self.message_id_header.clone());
        }
        options
    }
}

/// Recordings, and key logs among them with what to do: what reads them as something else would show them.
type WithoutKeys = (Vec<(&'static str, Vec<PathBuf>)>, Vec<(PathBuf, String)>);

fn without_keys(mut named: Vec<(&'static str, Vec<PathBuf>)>) -> WithoutKeys {
    let mut misplaced = Vec::new();
    named.retain(|(_, paths)| {
        let is_key_log = |path: &&PathBuf| {
            let head = path.is_file().then(|| kcorr_store::input::head(path));
            head.and_then(Result::ok)
                .is_some_and(|head| kcorr_ingest_pcap::recognise_key_log(&head).is_some())
        };
        let found = paths.iter().find(is_key_log);
        let why = format!("a log of TLS keys: give it with --{}", recordings::TLS_KEYS);
        misplaced.extend(found.map(|path| (path.clone(), why)));
        found.is_none()
    });
    (named, misplaced)
}

fn name(paths: &[PathBuf]) -> String {
    let first = paths.first().map_or(Path::new("-"), PathBuf::as_path);
    let name = first
        .file_name()
        .map_or_else(|| "-".into(), |name| name.to_string_lossy());
    match paths.len() {
        0 | 1 => name.into_owned(),
        n => format!("{name} and {} more", n - 1),
    }
}

/// What to ask now: where slow requests waited, or what there is.
fn next_command(store: &Path, reports: &[SourceReport]) -> Option<&'static str> {
    let has_rows = reports.iter().any(|report| !report.rows.is_empty());
    let tells = |store: &Store, table: &str| store.row_count(table) > 0;
    let has_requests = Store::open(store)
        .is_ok_and(|store| tells(&store, "requests") || tells(&store, "broker_requests"));
    has_rows.then_some(if has_requests {
        "query blame"
    } else {
        "tables"
    })
}

/// The option that names the store, for a command that is to be run in the same shell.
fn store_option(global: &Global) -> String {
    let path = global.store.display().to_string();
    let is_known = path == DEFAULT_STORE || std::env::var("KCORR_STORE").is_ok_and(|it| it == path);
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+:@%".contains(c);
    match (is_known, path.chars().all(is_plain)) {
        (true, _) => String::new(),
        (false, true) => format!("--store {path} "),
        (false, false) => format!("--store '{}' ", path.replace('\'', "'\\''")),
    }
}

fn is_lossy(report: &SourceReport) -> bool {
    report
        .losses
        .iter()
        .any(|loss| loss.kind.severity > Severity::Info)
}

fn show(report: &SourceReport, screen: &Screen) {
    let rows: Vec<String> = report
        .rows
        .iter()
        .map(|(table, count)| format!("{count} {table}"))
        .collect();
    let rows = if rows.is_empty() {
        "no rows".to_owned()
    } else {
        rows.join(", ")
    };
    let replaced = match (&report.holds, report.replaced_row_count) {
        (Some(held), _) => format!(" (it holds all of {held}, and replaces it)"),
        (None, Some(_)) => " (replaces the earlier ingest of it)".to_owned(),
        (None, None) => String::new(),
    };
    let path = match &report.paths[..] {
        [path] => path.clone(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
        [] => String::new(),
    };
    screen.note(&format!("{path}: {}: {rows}{replaced}", report.format));
    let row_count = report.rows.iter().map(|(_, count)| count).sum();
    if let Some(before) = report
        .replaced_row_count
        .filter(|before| *before > row_count)
    {
        screen.warning(&format!(
            "{path}: the earlier ingest of it had more rows, {before} and not {row_count}, and they are gone"
        ));
    }
    if let Some(other) = &report.begins_like {
        screen.warning(&format!(
            "{path}: begins with the same bytes as {other}: if both are of one recording, rows are stored twice"
        ));
    }
    screen.detail(&format!("  clock: {}", report.clock_basis));
    screen.detail(&format!(
        "  clock {}: {}",
        report.clock_verdict, report.clock_detail
    ));
    if !report.is_aligned {
        screen.warning(&format!("{path}: {}", report.clock_basis));
    }
    if ["contradicts", "stepped"].contains(&report.clock_verdict.as_str()) {
        screen.warning(&format!("{path}: {}", report.clock_detail));
    }
    for moved in &report.realigned {
        screen.warning(moved);
    }
    for loss in &report.losses {
        let text = format!(
            "{path}: {} × {}, first at {}: {}. {}",
            loss.count,
            loss.kind.name,
            loss.first_position,
            loss.detail.trim_end_matches('.'),
            loss.kind.doc,
        );
        if loss.kind.severity > Severity::Info {
            screen.warning(&text);
        } else {
            screen.detail(&text);
        }
    }
}
