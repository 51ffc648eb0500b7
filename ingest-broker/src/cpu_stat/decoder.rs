//! The decoder: lines to samples.

use kcorr_model::lines::{Extent, Line, Lines, start_of};
use kcorr_model::{
    ClockKind, Decoder, Error, LossLedger, Output, Position, SourceId, Summary,
    integer_from_decimal,
};

use super::losses::{CPU_STAT_BAD_LINE, CPU_STAT_NO_COUNTERS, CPU_STAT_RESTART};
use super::rows::SampleRows;

/// Bytes of a line; the kernel's are far below.
const MOST_LINE_BYTES: usize = 4 << 10;
/// Seconds since 1970 from which a number is a time: 2001.
const LEAST_SECONDS: i64 = 1_000_000_000;
const SECOND_NS: i64 = 1_000_000_000;

/// Decodes samples of a control group's `cpu.stat`, each behind its time:
///
/// ```text
/// while sleep 0.1; do date +%s.%N; cat /sys/fs/cgroup/…/cpu.stat; done > cpu-stat.txt
/// ```
///
/// into `load_samples` of the metric `cpu_throttled`: the time without quota since the sample before, ns, of all
/// CPUs added up. The kernel counts it when threads may run again. Both versions of control groups are read:
/// `throttled_usec` is of the second, `throttled_time` (ns) of the first.
#[derive(Debug)]
pub struct CpuStatDecoder {
    lines: Lines,
    samples: Samples,
}

#[derive(Debug)]
struct Samples {
    rows: SampleRows,
    ledger: LossLedger,
    /// The sample that is being read.
    open: Option<Sample>,
    /// Time and counter of the last whole one.
    last: Option<(i64, i64)>,
    found: bool,
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    position: Position,
    time_ns: i64,
    has_count: bool,
    throttled_ns: Option<i64>,
}

/// What a line is.
enum Read<'a> {
    Time(i64),
    Counter(&'a str, i64),
    Bad,
}

fn read(text: &str) -> Read<'_> {
    let mut words = text.split_ascii_whitespace();
    match (words.next(), words.next(), words.next()) {
        (Some(time), None, None) => match integer_from_decimal(time, SECOND_NS) {
            Some(ns) if ns.div_euclid(SECOND_NS) >= LEAST_SECONDS => Read::Time(ns),
            _ => Read::Bad,
        },
        (Some(name), Some(value), None) => match integer_from_decimal(value, 1) {
            Some(value) if !name.starts_with(|c: char| c.is_ascii_digit()) => {
                Read::Counter(name, value)
            }
            _ => Read::Bad,
        },
        _ => Read::Bad,
    }
}

impl CpuStatDecoder {
    /// A decoder of one file.
    pub fn new(source: SourceId) -> Self {
        Self {
            lines: Lines::new(MOST_LINE_BYTES),
            samples: Samples {
                rows: SampleRows::new(source),
                ledger: LossLedger::default(),
                open: None,
                last: None,
                found: false,
            },
        }
    }

    fn end_file(&mut self, output: &mut dyn Output) -> Result<(), Error> {
        let Self { lines, samples } = self;
        lines.finish(&mut |line| samples.line(&line, output))?;
        samples.end(output)
    }
}

/// What an input is, from its first bytes, in words, if it has samples of `cpu.stat`.
pub fn recognise_cpu_stat(head: &[u8]) -> Option<&'static str> {
    let mut decoder = CpuStatDecoder::new(SourceId(0));
    let mut rows = Vec::new();
    // Rows are of no use here; an error cannot be.
    let _pushed = decoder.push(head, &mut rows);
    let _ended = decoder.end_file(&mut rows);
    decoder.samples.found.then_some("samples of cpu.stat")
}

impl Samples {
    fn line(&mut self, line: &Line<'_>, output: &mut dyn Output) -> Result<(), Error> {
        let text = String::from_utf8_lossy(line.bytes);
        // The last digits of a cut one may be missing.
        let read = match line.extent {
            Extent::Whole => read(&text),
            Extent::Start | Extent::Cut => Read::Bad,
        };
        match (read, &mut self.open) {
            (Read::Time(time_ns), _) => {
                self.end(output)?;
                self.open = Some(Sample {
                    position: line.position,
                    time_ns,
                    has_count: false,
                    throttled_ns: None,
                });
            }
            (Read::Counter("nr_throttled", _), Some(open)) => open.has_count = true,
            (Read::Counter("throttled_usec", value), Some(open)) => {
                open.throttled_ns = Some(value.saturating_mul(1_000));
            }
            (Read::Counter("throttled_time", value), Some(open)) => {
                open.throttled_ns = Some(value);
            }
            (Read::Counter(..), Some(_)) => {}
            (Read::Counter(..) | Read::Bad, _) => {
                self.ledger
                    .record(&CPU_STAT_BAD_LINE, line.position, || start_of(line.bytes));
            }
        }
        Ok(())
    }

    /// Ends the sample that is being read.
    fn end(&mut self, output: &mut dyn Output) -> Result<(), Error> {
        let Some(open) = self.open.take() else {
            return Ok(());
        };
        let Some(throttled_ns) = open.throttled_ns.filter(|_| open.has_count) else {
            let detail = || format!("the sample of {} ns", open.time_ns);
            self.ledger
                .record(&CPU_STAT_NO_COUNTERS, open.position, detail);
            return Ok(());
        };
        self.found = true;
        match self.last.replace((open.time_ns, throttled_ns)) {
            Some((time_ns, before)) if time_ns < open.time_ns && before <= throttled_ns => {
                let since = throttled_ns.saturating_sub(before);
                self.rows.push(open.time_ns, since, output)
            }
            Some(_) => {
                let detail = || format!("the sample of {} ns", open.time_ns);
                self.ledger.record(&CPU_STAT_RESTART, open.position, detail);
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl Decoder for CpuStatDecoder {
    fn push(&mut self, bytes: &[u8], output: &mut dyn Output) -> Result<(), Error> {
        let Self { lines, samples } = self;
        lines.push(bytes, &mut |line| samples.line(&line, output))
    }

    fn next_file(&mut self, output: &mut dyn Output) -> Result<(), Error> {
        self.end_file(output)
    }

    fn finish(&mut self, output: &mut dyn Output) -> Result<Summary, Error> {
        self.end_file(output)?;
        let samples = &mut self.samples;
        if !samples.found {
            return Err(self.lines.unrecognised(
                "samples of a control group's cpu.stat, each behind its time: \
                 while sleep 0.1; do date +%s.%N; cat /sys/fs/cgroup/…/cpu.stat; done",
            ));
        }
        samples.rows.flush(output)?;
        Ok(Summary {
            format: "samples of cpu.stat".to_owned(),
            clock: ClockKind::Realtime,
            limits: Vec::new(),
            anchors: Vec::new(),
            losses: std::mem::take(&mut samples.ledger).into_losses(),
        })
    }
}
