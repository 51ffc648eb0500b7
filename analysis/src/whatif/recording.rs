//! What a what-if is computed from: the rows of a store, in memory.
//!
//! About 150 bytes a request. The rows are those of `replay_requests`, `replay_appends`, `replay_waits`,
//! `write_states` and `request_segments`.

use std::collections::{HashMap, HashSet};

use futures::StreamExt;

use super::{Change, WaitKind};
use kcorr_engine::{Columns, GivenParameters, NumberColumn, Session, TextColumn, canned_query};
use kcorr_engine::{Error, ErrorKind, Result};

/// A recording in memory.
#[derive(Debug, Clone, Default)]
pub(super) struct Recording {
    /// By arrival.
    pub(super) requests: Vec<Request>,
    /// By start.
    pub(super) appends: Vec<Append>,
    /// Waits for monitors by thread, each by end.
    pub(super) monitor_waits: HashMap<i64, Vec<(i64, i64)>>,
    /// Stops of the JVM, by start.
    pub(super) pauses: Vec<(i64, i64)>,
    /// Time of writes by state.
    pub(super) states: HashMap<i64, Vec<(String, i64)>>,
    /// The time of slow requests by what it was spent on.
    pub(super) segments: Vec<Segment>,
    /// Of slow requests: what they themselves were in, by start.
    pub(super) own_times: HashMap<i64, Vec<OwnTime>>,
    /// What the account allows for.
    pub(super) allowed: Allowed,
}

/// What the account allows for between rows that belong together, in ns: parameters of `blame`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Allowed {
    /// A thread that waited for a monitor writes this soon after getting it: `handoff_ms`.
    pub(super) handoff: i64,
    /// How far the recordings' clocks may be apart: `clock_slack_ms`.
    pub(super) clock_slack: i64,
}

impl Default for Allowed {
    fn default() -> Self {
        Self {
            handoff: 1_000_000,
            clock_slack: 1_000_000,
        }
    }
}

impl Allowed {
    /// As given, else as `blame` has it.
    fn of(given: &GivenParameters) -> Result<Self> {
        let blame = canned_query("blame").transpose()?;
        let ns = |name: &str, otherwise: i64| -> Result<i64> {
            let parameters = blame.iter().flat_map(|query| &query.header.parameters);
            let default = parameters
                .filter(|parameter| parameter.name == name)
                .find_map(|parameter| parameter.default.as_ref());
            let Some(text) = given.get(name).or(default) else {
                return Ok(otherwise);
            };
            let ms = text.parse::<f64>().ok().filter(|ms| ms.is_finite());
            let ms = ms.ok_or_else(|| {
                let message = format!("--param {name}: `{text}` is not a DOUBLE");
                Error::new(ErrorKind::Query, message)
            })?;
            #[expect(clippy::cast_possible_truncation, reason = "it saturates")]
            let ns = (ms * 1e6).round() as i64;
            Ok(ns)
        };
        let usual = Self::default();
        Ok(Self {
            handoff: ns("handoff_ms", usual.handoff)?,
            clock_slack: ns("clock_slack_ms", usual.clock_slack)?,
        })
    }
}

/// A request; times in ns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) id: i64,
    pub(super) connection: i64,
    pub(super) is_produce: bool,
    pub(super) arrival: i64,
    pub(super) ready: i64,
    pub(super) service_start: i64,
    pub(super) end: i64,
}

/// A write to a log under its monitor.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Append {
    pub(super) write: i64,
    pub(super) tid: i64,
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) log: (String, i64),
    pub(super) request: Option<i64>,
}

/// A stretch of a slow request's time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) request: i64,
    pub(super) length: i64,
    pub(super) write: Option<i64>,
    pub(super) write_state: Option<String>,
    pub(super) pause: Option<i64>,
    pub(super) lock_wait: Option<i64>,
    /// Its stage, as in `request_segments`.
    pub(super) stage: String,
    /// What it was in, whosever that was.
    pub(super) root: String,
    /// The file operation that was, of whatever kind.
    pub(super) operation: Option<i64>,
    /// The request of its connection that it was behind.
    pub(super) ahead: Option<i64>,
}

/// A stretch in which a slow request itself was in something that no write, lock or pause is; times in ns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OwnTime {
    pub(super) root: String,
    pub(super) start: i64,
    pub(super) end: i64,
}

impl Recording {
    pub(super) async fn read(
        session: &Session,
        given: &GivenParameters,
        account_ms: f64,
    ) -> Result<Self> {
        if session.broker_count() > 1 {
            let message =
                "a what-if is of one broker, and the store has several: name one with --broker";
            return Err(Error::new(ErrorKind::Query, message));
        }
        let with_slo = |ms: f64| {
            let mut given = given.clone();
            given.insert("slo_ms".to_owned(), ms.to_string());
            given
        };
        let accounted = with_slo(account_ms);
        let mut recording = Self {
            allowed: Allowed::of(given)?,
            ..Self::default()
        };
        recording.read_requests(session).await?;
        // Every request, however fast, holds its log and its handler.
        recording.read_appends(session, &with_slo(0.0)).await?;
        recording.read_waits(session).await?;
        recording.read_states(session, &accounted).await?;
        recording.read_segments(session, &accounted).await?;
        Ok(recording)
    }

    /// Latencies of the produce requests in ns, by arrival.
    pub(super) fn produce_latencies(&self) -> Vec<i64> {
        let produced = self.requests.iter().filter(|request| request.is_produce);
        produced
            .map(|request| request.end - request.arrival)
            .collect()
    }

    /// Arrivals of the produce requests in ns.
    pub(super) fn produce_arrivals(&self) -> Vec<i64> {
        let produced = self.requests.iter().filter(|request| request.is_produce);
        produced.map(|request| request.arrival).collect()
    }

    /// Produce requests with a known write.
    pub(super) fn followed_count(&self) -> usize {
        let followed: HashSet<i64> = self.appends.iter().filter_map(|a| a.request).collect();
        followed.len()
    }

    /// Requests with segments.
    pub(super) fn accounted_count(&self) -> usize {
        let accounted: HashSet<i64> = self.segments.iter().map(|s| s.request).collect();
        accounted.len()
    }

    /// Whether there are waits of a kind, as far as that can be told before they are cut.
    pub(super) fn may_have(&self, kind: WaitKind) -> bool {
        let Some(root) = kind.root() else {
            return true;
        };
        self.segments.iter().any(|segment| segment.root == root)
    }

    /// What the changes take from a request's own time between two moments.
    pub(super) fn saved_of_own(
        &self,
        request: i64,
        (start, end): (i64, i64),
        changes: &[Change],
    ) -> i64 {
        let own_times = self.own_times.get(&request).into_iter().flatten();
        let saved = own_times.map(|own| {
            let length = own.end.min(end) - own.start.max(start);
            let change = changes
                .iter()
                .find(|change| change.kind.root() == Some(own.root.as_str()));
            change.map_or(0, |change| change.saved(length.max(0)))
        });
        saved.sum()
    }

    /// What the changes take from a write.
    pub(super) fn saved_of_write(&self, write: i64, changes: &[Change]) -> i64 {
        let Some(states) = self.states.get(&write) else {
            return 0;
        };
        let mut rest = vec![0; changes.len()];
        for (state, length) in states {
            // A state that two changes cut is cut by the first.
            let change = changes
                .iter()
                .position(|change| change.kind.has_state(state));
            if let Some(sum) = change.and_then(|place| rest.get_mut(place)) {
                *sum += length;
            }
        }
        changes
            .iter()
            .zip(rest)
            .map(|(change, sum)| change.saved(sum))
            .sum()
    }

    async fn read_requests(&mut self, session: &Session) -> Result<()> {
        let mut rows = session
            .run_canned("replay_requests", &GivenParameters::new())
            .await?;
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            let columns = Columns(&batch);
            let api = columns.text("api")?;
            let [id, connection, arrival, ready, service_start, end] = numbers(
                &columns,
                [
                    "request_id",
                    "connection_id",
                    "arrival_time",
                    "ready_time",
                    "service_start",
                    "end_time",
                ],
            )?;
            for row in 0..batch.num_rows() {
                let request = || {
                    Some(Request {
                        id: id.get(row)?,
                        connection: connection.get(row)?,
                        is_produce: api.get(row) == Some("Produce"),
                        arrival: arrival.get(row)?,
                        ready: ready.get(row)?,
                        service_start: service_start.get(row)?,
                        end: end.get(row)?,
                    })
                };
                self.requests.extend(request());
            }
        }
        Ok(())
    }

    async fn read_appends(&mut self, session: &Session, given: &GivenParameters) -> Result<()> {
        let mut rows = session.run_canned("replay_appends", given).await?;
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            let columns = Columns(&batch);
            let topic = columns.text("topic")?;
            let [write, tid, start, end, partition, request] = numbers(
                &columns,
                [
                    "write_id",
                    "tid",
                    "start_time",
                    "end_time",
                    "partition",
                    "request_id",
                ],
            )?;
            for row in 0..batch.num_rows() {
                let append = || {
                    Some(Append {
                        write: write.get(row)?,
                        tid: tid.get(row)?,
                        start: start.get(row)?,
                        end: end.get(row)?,
                        log: (topic.get(row)?.to_owned(), partition.get(row)?),
                        request: request.get(row),
                    })
                };
                self.appends.extend(append());
            }
        }
        Ok(())
    }

    async fn read_waits(&mut self, session: &Session) -> Result<()> {
        let mut rows = session
            .run_canned("replay_waits", &GivenParameters::new())
            .await?;
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            let columns = Columns(&batch);
            let [tid, start, end] = numbers(&columns, ["tid", "start_time", "end_time"])?;
            for row in 0..batch.num_rows() {
                let (Some(start), Some(end)) = (start.get(row), end.get(row)) else {
                    continue;
                };
                match tid.get(row) {
                    Some(tid) => self
                        .monitor_waits
                        .entry(tid)
                        .or_default()
                        .push((start, end)),
                    None => self.pauses.push((start, end)),
                }
            }
        }
        for waits in self.monitor_waits.values_mut() {
            waits.sort_by_key(|&(start, end)| (end, start));
        }
        Ok(())
    }

    async fn read_states(&mut self, session: &Session, given: &GivenParameters) -> Result<()> {
        let mut rows = session.run_canned("write_states", given).await?;
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            let columns = Columns(&batch);
            let write = columns.number("write_id")?;
            let state = columns.text("write_state")?;
            let length = columns.number("state_ns")?;
            for row in 0..batch.num_rows() {
                if let (Some(write), Some(state), Some(length)) =
                    (write.get(row), state.get(row), length.get(row))
                {
                    let states = self.states.entry(write).or_default();
                    states.push((state.to_owned(), length));
                }
            }
        }
        Ok(())
    }

    async fn read_segments(&mut self, session: &Session, given: &GivenParameters) -> Result<()> {
        let mut rows = session.run_canned("request_segments", given).await?;
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            let columns = Columns(&batch);
            let state: TextColumn = columns.text("write_state")?;
            let cause: TextColumn = columns.text("cause")?;
            let stage: TextColumn = columns.text("segment")?;
            let root: TextColumn = columns.text("root")?;
            let via: TextColumn = columns.text("via")?;
            let [request, length, write, pause, lock_wait, start, end, ahead] = numbers(
                &columns,
                [
                    "request_id",
                    "segment_ns",
                    "root_write_id",
                    "pause_id",
                    "lock_wait_id",
                    "start_time",
                    "end_time",
                    "ahead_request_id",
                ],
            )?;
            for row in 0..batch.num_rows() {
                let (Some(request), Some(length)) = (request.get(row), length.get(row)) else {
                    continue;
                };
                if let (Some(root), Some("own"), Some(start), Some(end)) =
                    (root.get(row), via.get(row), start.get(row), end.get(row))
                    && WaitKind::ALL
                        .iter()
                        .any(|(_, kind)| kind.root() == Some(root))
                {
                    let root = root.to_owned();
                    let own = self.own_times.entry(request).or_default();
                    own.push(OwnTime { root, start, end });
                }
                // A replay knows writes by their states.
                let is_write = cause.get(row).is_some_and(|c| c.ends_with("slow_write"));
                self.segments.push(Segment {
                    request,
                    length,
                    write: write.get(row).filter(|_| is_write),
                    write_state: state.get(row).map(str::to_owned),
                    pause: pause.get(row),
                    lock_wait: lock_wait.get(row),
                    stage: stage.get(row).unwrap_or_default().to_owned(),
                    root: root.get(row).unwrap_or_default().to_owned(),
                    operation: write.get(row),
                    ahead: ahead.get(row),
                });
            }
        }
        Ok(())
    }
}

fn numbers<const N: usize>(columns: &Columns<'_>, names: [&str; N]) -> Result<[NumberColumn; N]> {
    let columns = names.into_iter().map(|name| columns.number(name));
    let columns: Vec<NumberColumn> = columns.collect::<Result<_>>()?;
    // As many columns as names.
    columns
        .try_into()
        .map_err(|_| Error::new(ErrorKind::Query, "a column is missing"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_allows_for_what_the_account_was_told_to() {
        let given = |name: &str, value: &str| {
            Allowed::of(&GivenParameters::from([(
                name.to_owned(),
                value.to_owned(),
            )]))
        };
        assert_eq!(
            Allowed::of(&GivenParameters::new()).expect("defaults"),
            Allowed::default()
        );
        assert_eq!(
            given("handoff_ms", "2.5").expect("a time").handoff,
            2_500_000
        );
        assert_eq!(given("clock_slack_ms", "0").expect("a time").clock_slack, 0);
        assert!(given("handoff_ms", "soon").is_err());
    }
}
