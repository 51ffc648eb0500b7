//! Whatever the recordings hold, the segments of a request neither overlap nor leave a gap, and sum to its
//! latency.

use std::fmt::Write as _;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Int64Type;
use kcorr_engine::{GivenParameters, Session};
use proptest::prelude::*;

use crate::case::Case;

/// Requests whose segments do not begin at their arrival, end at their end, follow each other, and sum to
/// their latency; and all requests looked at.
const WRONG: &str = "
WITH
ordered AS (
    SELECT
        request_id, start_time, end_time, segment_ns,
        LAG(end_time) OVER (PARTITION BY request_id ORDER BY start_time) AS previous_end
    FROM request_segments
),
sums AS (
    SELECT
        request_id,
        MIN(start_time) AS start_time,
        MAX(end_time) AS end_time,
        SUM(segment_ns) AS total_ns,
        COUNT(*) FILTER (WHERE previous_end <> start_time) AS break_count,
        COUNT(*) FILTER (WHERE segment_ns <= 0) AS empty_count
    FROM ordered
    GROUP BY request_id
)
SELECT
    COUNT(*) AS looked_at,
    COUNT(*) FILTER (
        WHERE s.request_id IS NULL
            OR s.start_time <> a.arrival_time
            OR s.end_time <> a.end_time
            OR s.total_ns <> a.latency_ns
            OR s.break_count > 0
            OR s.empty_count > 0
    ) AS wrong
FROM accounted_requests AS a
LEFT JOIN sums AS s ON s.request_id = a.request_id
WHERE a.is_slow";

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn segments_of_any_recording_sum_to_the_latency(seed in any::<u64>()) {
        let (looked_at, wrong) = check(&random_tables(seed), "1");
        prop_assert!(looked_at > 0);
        prop_assert_eq!(wrong, 0);
    }
}

#[test]
fn thousands_of_waiters_behind_one_write_are_all_accounted_for() {
    let mut requests = String::from(
        "table requests\nrequest_id | connection_id | api | arrival_time | read_time | end_time | acks\n",
    );
    let mut partitions = String::from(
        "table request_partitions\nrequest_id | arrival_time | topic | partition | records_bytes\n",
    );
    let mut writes = String::from(
        "table writes\nwrite_id | operation | start_time | end_time | tid | bytes | topic | partition | file_kind\n",
    );
    let mut waits = String::from(
        "table lock_waits\nlock_wait_id | kind | origin | start_time | end_time | tid | lock_class\n",
    );
    for n in 0..2000 {
        // The first writes for 500 ms; the others get the lock one after another, 20 µs each.
        let arrival = clock(n * 10);
        let (begin, end) = if n == 0 {
            (100, 500_000)
        } else {
            (500_000 + n * 20 + 5, 500_000 + n * 20 + 15)
        };
        let _ = writeln!(
            requests,
            "{n} | {n} | Produce | {arrival} | {arrival} | {} | 1",
            clock(end + 100)
        );
        let _ = writeln!(partitions, "{n} | {arrival} | orders | 0 | {}", 100 + n);
        let _ = writeln!(
            writes,
            "{n} | write | {} | {} | {} | {} | orders | 0 | log",
            clock(begin),
            clock(end),
            1000 + n,
            100 + n
        );
        if n > 0 {
            let _ = writeln!(
                waits,
                "{n} | monitor | usdt | {} | {} | {} | java.lang.Object",
                clock(n * 10 + 120),
                clock(begin - 1),
                1000 + n
            );
        }
    }
    let tables = format!("{requests}\n{partitions}\n{writes}\n{waits}");
    let (looked_at, wrong) = check(&tables, "65");
    assert_eq!((looked_at, wrong), (2000, 0));
}

fn check(tables: &str, slo_ms: &str) -> (i64, i64) {
    let case = Case::parse(tables).expect("tables");
    let (_folder, store) = case.open();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let session = Session::open(&store).await.expect("a session");
        let given = GivenParameters::from([("slo_ms".to_owned(), slo_ms.to_owned())]);
        let mut planned = session.plan(WRONG, &given).await.expect("a plan");
        let stream = planned.remove(0).run().await.expect("a stream");
        let batches = datafusion::physical_plan::common::collect(stream)
            .await
            .expect("rows");
        let cell = |column: usize| {
            batches[0]
                .column(column)
                .as_primitive::<Int64Type>()
                .value(0)
        };
        (cell(0), cell(1))
    })
}

/// Rows that need not make sense: on a coarse grid of time, so that many times are equal, with intervals of no
/// length, writes and waits that overlap on one thread, owners that wait for each other or themselves.
fn random_tables(seed: u64) -> String {
    let mut random = Random(seed);
    let mut text = String::from(
        "table requests\nrequest_id | connection_id | api | arrival_time | read_time | response_time | end_time | acks | replica_id\n",
    );
    let mut partitions = String::from(
        "\ntable request_partitions\nrequest_id | arrival_time | topic | partition | records_bytes | record_count | base_offset | fetch_offset\n",
    );
    for id in 1..=30 {
        let arrival = random.below(60) * 1000;
        let read = arrival + random.below(4) * 1000;
        let response = read + random.below(30) * 1000;
        let end = response + random.below(3) * 1000;
        let is_fetch = random.below(6) == 0;
        let _ = writeln!(
            text,
            "{id} | {} | {} | {} | {} | {} | {} | {} | {}",
            random.below(4),
            if is_fetch { "Fetch" } else { "Produce" },
            clock(arrival),
            random.or_null(clock(read)),
            random.or_null(clock(response)),
            clock(end),
            if is_fetch {
                "-".to_owned()
            } else {
                (random.below(3) - 1).to_string()
            },
            if is_fetch { "2" } else { "-" },
        );
        for _ in 0..=random.below(2) {
            let _ = writeln!(
                partitions,
                "{id} | {} | orders | {} | {} | {} | {} | {}",
                clock(arrival),
                random.below(2),
                if is_fetch {
                    "-".to_owned()
                } else {
                    (100 + random.below(8)).to_string()
                },
                1 + random.below(2),
                random.below(20),
                random.below(20),
            );
        }
    }
    text.push_str(&partitions);
    text.push_str("\ntable writes\nwrite_id | operation | start_time | end_time | tid | bytes | topic | partition | file_kind | file_offset\n");
    for id in 1..=60 {
        let (start, end) = random.interval(20);
        let _ = writeln!(
            text,
            "{id} | write | {start} | {end} | {} | {} | orders | {} | log | {}",
            1 + random.below(5),
            100 + random.below(8),
            random.below(2),
            random.below(2000),
        );
    }
    text.push_str("\ntable lock_waits\nlock_wait_id | kind | origin | start_time | end_time | tid | lock_class | lock_address | owner_tid\n");
    for id in 1..=60 {
        let (start, end) = random.interval(20);
        let _ = writeln!(
            text,
            "{id} | monitor | {} | {start} | {end} | {} | {} | {} | {}",
            if random.below(2) == 0 { "usdt" } else { "jfr" },
            1 + random.below(5),
            if random.below(3) == 0 {
                "other.Lock"
            } else {
                "java.lang.Object"
            },
            random.below(3),
            {
                let owner = 1 + random.below(5);
                random.or_null(owner.to_string())
            },
        );
    }
    text.push_str("\ntable pauses\npause_id | kind | name | start_time | end_time\n");
    for id in 1..=5 {
        let (start, end) = random.interval(10);
        let _ = writeln!(text, "{id} | gc | G1 | {start} | {end}");
    }
    text.push_str(
        "\ntable function_calls\nfunction_call_id | function | start_time | end_time | tid\n",
    );
    for id in 1..=10 {
        let (start, end) = random.interval(30);
        let function = ["jbd2_journal_commit_transaction", "ext4_dirty_inode"]
            [usize::from(random.below(2) == 0)];
        let _ = writeln!(
            text,
            "{id} | {function} | {start} | {end} | {}",
            random.below(6)
        );
    }
    text.push_str("\ntable standings\nstanding_id | start_time | woken_time | end_time | tid | state | wait_class | syscall | is_timed | waker_tid\n");
    for id in 1..=30 {
        let (start, end) = random.interval(10);
        let class = ["futex", "file_fault", "journal_handle", "poll", "unknown"];
        let class = class[usize::try_from(random.below(5)).unwrap_or(0)];
        let _ = writeln!(
            text,
            "{id} | {start} | {} | {end} | {} | interruptible | {class} | {} | {} | {}",
            random.or_null(end.clone()),
            1 + random.below(5),
            if class == "futex" { "futex" } else { "-" },
            ["true", "false", "-"][usize::try_from(random.below(3)).unwrap_or(0)],
            {
                let waker = 1 + random.below(5);
                random.or_null(waker.to_string())
            },
        );
    }
    text.push_str("\ntable run_queue_waits\nrun_queue_wait_id | start_time | end_time | tid\n");
    for id in 1..=10 {
        let (start, end) = random.interval(5);
        let _ = writeln!(text, "{id} | {start} | {end} | {}", 1 + random.below(5));
    }
    text
}

/// µs after ten o'clock.
fn clock(us: i64) -> String {
    format!("10:00:{:02}.{:06}", us / 1_000_000, us % 1_000_000)
}

/// A linear congruential generator: the constants are Knuth's (MMIX).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: i64) -> i64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(self.0 >> 33).unwrap_or(0) % bound
    }

    fn interval(&mut self, longest_ms: i64) -> (String, String) {
        let start = self.below(80) * 1000;
        let end = start + self.below(longest_ms) * 1000;
        (clock(start), clock(end))
    }

    fn or_null(&mut self, text: String) -> String {
        if self.below(8) == 0 {
            "-".to_owned()
        } else {
            text
        }
    }
}
