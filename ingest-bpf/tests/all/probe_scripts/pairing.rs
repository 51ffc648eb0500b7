//! Sequences, and the events that a script makes of them.

use serde_json::Value;

use super::replay::{Event, events, printed};
use super::script::Script;

fn spans(printed: &[Value], event: &str, name: &str) -> Vec<(i64, i64)> {
    let of = |value: &&Value| {
        value["ev"] == event
            && (name.is_empty() || value["function"] == name || value["op"] == name)
    };
    let number = |value: &Value, key: &str| value[key].as_i64().unwrap();
    printed
        .iter()
        .filter(of)
        .map(|value| (number(value, "start_ns"), number(value, "end_ns")))
        .collect()
}

#[test]
fn every_script_is_understood() {
    for probe in kcorr_probes::PROBES {
        let script = Script::parse(probe.script);
        assert!(script.probes.len() > 3, "{}", probe.name);
    }
}

#[test]
fn a_handle_is_paired_with_the_start_that_asked_for_it() {
    let nested = include_str!("sequences/journal-nested.txt");
    assert_eq!(printed("journal", 0, nested), Vec::<Value>::new());
    let waits = spans(&printed("journal", 1, nested), "journal_wait", "");
    assert_eq!(
        waits,
        [
            (1_924_692_759_855, 1_924_692_772_323),
            (1_924_792_668_238, 1_924_792_684_732)
        ]
    );
}

/// A handle's wait is what lies between it and the tracepoint of its thread right before.
pub(crate) fn waits_for_handles(events: &[Event]) -> Vec<(i64, i64)> {
    let mut waits = Vec::new();
    for (at, event) in events.iter().enumerate() {
        if event.name == "jbd2_handle_start" {
            let before = events[..at].iter().rev().find(|e| e.tid == event.tid);
            if let Some(before) = before.filter(|e| e.name.starts_with("ext4_journal_start")) {
                waits.push((before.ns as i64, event.ns as i64));
            }
        }
    }
    waits
}

#[test]
fn nested_starts_of_a_real_load_are_no_waits() {
    let text = include_str!("sequences/ext4-handles.txt");
    let events = events(text);
    let starts = events
        .iter()
        .filter(|e| e.name.starts_with("ext4_journal_start"));
    let waits = waits_for_handles(&events);
    assert!(starts.count() > waits.len() + 20 && waits.len() > 20);
    assert_eq!(
        spans(&printed("journal", 1, text), "journal_wait", ""),
        waits
    );
    assert_eq!(
        spans(&printed("journal", 0, text), "journal_wait", "").len(),
        1
    );
}

#[test]
fn a_commit_of_one_journal_is_not_ended_by_that_of_another() {
    let text = "\
10 1 jbd2_start_commit dev=1 transaction=5
20 2 jbd2_start_commit dev=2 transaction=9
30 1 jbd2_commit_locking dev=1 transaction=5
40 1 jbd2_commit_flushing dev=1 transaction=5
45 2 jbd2_end_commit dev=2 transaction=9
50 1 jbd2_commit_logging dev=1 transaction=5
60 1 jbd2_end_commit dev=1 transaction=5
70 1 jbd2_start_commit dev=1 transaction=6
80 1 jbd2_end_commit dev=1 transaction=6
";
    let printed = printed("journal", 1, text);
    assert_eq!(
        spans(&printed, "journal_commit", ""),
        [(20, 45), (10, 60), (70, 80)]
    );
    assert_eq!(spans(&printed, "call", "jbd2_commit_locking"), [(30, 40)]);
    assert_eq!(spans(&printed, "call", "jbd2_commit_flushing"), [(40, 50)]);
    assert_eq!(spans(&printed, "call", "jbd2_commit_logging"), [(50, 60)]);
}

#[test]
fn a_sync_inside_of_a_write_is_not_ended_by_another_call() {
    // A write with O_SYNC to XFS, then an fsync of a file elsewhere.
    let text = "\
10 1 xfs_file_fsync dev=1
11 1 xfs_log_force dev=1
50 1 sys_enter_fsync
90 1 sys_exit_fsync
100 1 sys_enter_msync
110 1 xfs_file_fsync dev=1
120 1 xfs_log_force dev=1
130 1 sys_exit_msync
140 1 sys_enter_fsync
150 1 sys_exit_fsync
";
    let printed = printed("xfs-log", 1, text);
    assert_eq!(spans(&printed, "call", "xfs_file_fsync"), [(110, 130)]);
    assert_eq!(spans(&printed, "call", "xfs_log_force"), [(120, 130)]);
}

#[test]
fn syncs_of_a_real_load_on_xfs_lie_inside_of_their_calls() {
    let text = include_str!("sequences/xfs-syncs.txt");
    let events = events(text);
    let printed = printed("xfs-log", 1, text);
    let syncs = spans(&printed, "call", "xfs_file_fsync");
    assert!(syncs.len() > 5);
    let calls = |name: &str| -> Vec<i64> {
        let of = events.iter().filter(|e| e.name.starts_with(name));
        of.map(|e| e.ns as i64).collect()
    };
    let (enters, exits) = (calls("sys_enter_"), calls("sys_exit_"));
    for (start, end) in syncs {
        assert!(exits.contains(&end));
        let tid = events.iter().find(|e| e.ns as i64 == end).unwrap().tid;
        let enter = events
            .iter()
            .rev()
            .find(|e| (e.ns as i64) < end && e.tid == tid && enters.contains(&(e.ns as i64)));
        assert!(enter.unwrap().ns as i64 <= start);
    }
}

#[test]
fn a_thread_that_is_woken_while_it_runs_does_not_wait_from_then_on() {
    let text = "\
10 5 idle sched_switch prev_pid=5 prev_state=1 next_pid=7
20 5 sched_wakeup pid=7
30 7 a sched_switch prev_pid=7 prev_state=1 next_pid=5
40 5 b sched_switch prev_pid=5 prev_state=1 next_pid=7
50 7 a sched_switch prev_pid=7 prev_state=0 next_pid=5
60 5 b sched_switch prev_pid=5 prev_state=2 next_pid=7
";
    assert_eq!(
        spans(&printed("run-queue", 1, text), "run_queue_wait", ""),
        [(50, 60)]
    );
}

#[test]
fn the_id_of_a_dead_thread_is_not_its_processes_any_more() {
    let text = "\
10 7 a sched_switch prev_pid=7 prev_state=1 next_pid=5 pid_of_thread=70
20 7 a sched_switch prev_pid=7 prev_state=16 next_pid=5 pid_of_thread=70
30 5 b sched_wakeup_new pid=7
40 5 b sched_switch prev_pid=5 prev_state=1 next_pid=7 pid_of_thread=50
";
    let printed = printed("run-queue", 1, text);
    assert_eq!(spans(&printed, "run_queue_wait", ""), [(30, 40)]);
    assert_eq!(printed[0]["pid"], 0);
}

#[test]
fn a_request_that_was_merged_leaves_no_queue_time_behind() {
    let text = "\
10 1 block_rq_insert dev=8 sector=100 bytes=4096
20 1 block_rq_insert dev=8 sector=108 bytes=4096
30 1 block_rq_merge dev=8 sector=108
40 1 block_rq_issue dev=8 sector=100 bytes=8192 rwbs=W
50 1 block_rq_complete dev=8 sector=100 rwbs=W
90 1 block_rq_issue dev=8 sector=108 bytes=4096 rwbs=W
95 1 block_rq_complete dev=8 sector=108 rwbs=W
100 1 block_rq_insert dev=8 sector=208 bytes=4096
110 1 block_bio_frontmerge dev=8 sector=200 nr_sector=8
120 1 block_rq_issue dev=8 sector=200 bytes=8192 rwbs=W
130 1 block_rq_complete dev=8 sector=200 rwbs=W
140 1 block_rq_issue dev=8 sector=208 bytes=4096 rwbs=W
150 1 block_rq_complete dev=8 sector=208 rwbs=W
";
    let printed = printed("block-io", 0, text);
    let queues: Vec<Option<i64>> = printed.iter().map(|row| row["queue_ns"].as_i64()).collect();
    assert_eq!(queues, [Some(30), None, Some(20), None]);
    assert_eq!(
        spans(&printed, "block_io", ""),
        [(40, 50), (90, 95), (120, 130), (140, 150)]
    );
}

#[test]
fn a_write_to_a_socket_does_not_end_that_to_a_file() {
    // The end of the first was not seen: the script had attached to the start alone.
    for script in ["file-writes", "file-reads"] {
        let call = if script == "file-writes" {
            "write"
        } else {
            "read"
        };
        let text = format!(
            "\
10 1 sys_enter_{call} i_mode=33188
20 1 sys_enter_{call} i_mode=49663
90 1 sys_exit_{call} ret=5
100 1 sys_enter_{call} i_mode=33188
130 1 sys_exit_{call} ret=5
140 1 sys_enter_{call} i_mode=49663
150 1 sys_exit_{call} ret=5
"
        );
        assert_eq!(
            spans(&printed(script, 0, &text), "write", call),
            [(100, 130)]
        );
    }
}

#[test]
fn a_thread_and_a_connection_are_printed_once_in_ten_seconds() {
    let socket =
        "i_mode=49663 type=1 skc_family=2 skc_daddr=10.0.0.5 skc_rcv_saddr=10.0.0.1 skc_dport=5120";
    let text = format!(
        "\
10 1 net sys_enter_read i_mode=33188
20 1 net sys_enter_read {socket} skc_num=9092
30 1 net sys_enter_write {socket} skc_num=9092
40 2 net sys_enter_sendfile64 {socket} skc_num=9092
50 1 net sys_enter_read {socket} skc_num=9093
60 1 net sys_enter_read {} skc_num=9094
70 0 - 10
80 1 net sys_enter_writev {socket} skc_num=9092
",
        socket.replace("type=1", "type=2"),
    );
    let printed = printed("network", 0, &text);
    let seen: Vec<String> = printed
        .iter()
        .map(|row| format!("{} {} {}", row["time_ns"], row["tid"], row["local_port"]))
        .collect();
    assert_eq!(seen, ["20 1 9092", "40 2 9092", "50 1 9093", "80 1 9092"]);
    assert_eq!(printed[0]["peer"], "10.0.0.5");
    assert_eq!(printed[0]["peer_port"], 20);
    assert_eq!(printed[0]["local"], "10.0.0.1");
}

#[test]
fn connections_beyond_the_bound_of_lines_wait_for_the_next_ten_seconds() {
    let event = |ns: u32, port: u32| {
        format!(
            "{ns} 1 net sys_enter_read i_mode=49663 type=1 skc_family=2 skc_daddr=1 skc_dport={port} skc_num=9092"
        )
    };
    let mut events: Vec<String> = (0..5000).map(|n| event(n, n)).collect();
    events.push("6000 0 - 10".to_owned());
    events.push(event(7000, 4999));
    let printed = printed("network", 0, &events.join("\n"));
    assert_eq!(printed.len(), 4001);
    assert_eq!(printed[4000]["time_ns"], 7000);
}

#[test]
fn time_off_cpu_counts_inside_of_writes_to_files_only() {
    let text = "\
10 1 sys_enter_write i_mode=33188
20 1 sys_enter_write i_mode=49663
30 1 a sched_switch prev_pid=1 prev_state=1 next_pid=2
90 2 b sched_switch prev_pid=2 prev_state=1 next_pid=1
95 1 sys_exit_write
";
    let script = "write-stacks";
    assert_eq!(printed(script, 0, text), Vec::<Value>::new());
}

/// Rows of `standing`: thread, start, woken, end, and who ran before it on its CPU.
fn standings(text: &str) -> Vec<[i64; 5]> {
    let rows = printed("standing", 100, text);
    let rows = rows.iter().filter(|row| row["ev"] == "standing");
    let keys = ["tid", "start_ns", "woken_ns", "end_ns", "ran_tid"];
    rows.map(|row| keys.map(|key| row[key].as_i64().unwrap()))
        .collect()
}

#[test]
fn a_thread_stands_from_its_switch_to_the_switch_that_brings_it_back() {
    let text = "\
1000 7 a sched_switch prev_pid=7 prev_state=2 next_pid=5 prev_comm=a next_comm=b kstack=io_schedule
1200 0 swapper sched_waking pid=7
1900 5 b sched_switch prev_pid=5 prev_state=256 next_pid=7 prev_comm=b next_comm=a
1950 7 a sched_switch prev_pid=7 prev_state=1 next_pid=0 prev_comm=a next_comm=swapper
1960 3 c sched_waking pid=7
1990 0 swapper sched_switch prev_pid=0 prev_state=0 next_pid=7 prev_comm=swapper next_comm=a
2100 7 a sched_switch prev_pid=7 prev_state=1 next_pid=5 prev_comm=a next_comm=b
";
    // The second stretch is too short; of the other thread all of it is time in which it could run.
    assert_eq!(
        standings(text),
        [[7, 1000, 1200, 1900, 5], [5, 1900, 0, 2100, 7]]
    );
}

#[test]
fn a_thread_that_ran_unseen_in_between_has_no_start() {
    let text = "\
1000 7 a sched_switch prev_pid=7 prev_state=1 next_pid=0 prev_comm=a next_comm=s nvcsw=4
2000 0 s sched_switch prev_pid=0 prev_state=0 next_pid=7 prev_comm=s next_comm=a nvcsw=5
";
    assert_eq!(standings(text), [[7, 0, 0, 2000, 0]]);
}

#[test]
fn the_id_of_a_dead_thread_is_of_another_that_did_not_stand() {
    let text = "\
1000 7 a sched_switch prev_pid=7 prev_state=1 next_pid=5 prev_comm=a next_comm=b
1500 5 b sched_switch prev_pid=5 prev_state=1 next_pid=7 prev_comm=b next_comm=a
1600 7 a sched_switch prev_pid=7 prev_state=16 next_pid=5 prev_comm=a next_comm=b
2600 5 b sched_switch prev_pid=5 prev_state=1 next_pid=7 prev_comm=b next_comm=n
";
    let dead = |row: &&[i64; 5]| row[0] == 7 && row[3] == 2600;
    assert_eq!(standings(text).iter().filter(dead).count(), 0);
}

#[test]
fn no_stack_is_taken_where_the_call_says_it_all() {
    let wait = |ns: u32, state: u32, call: u32| {
        format!(
            "{ns} 7 a sched_switch prev_pid=7 prev_state={state} next_pid=0 prev_comm=a next_comm=s cs=51 orig_ax={call} kstack=s{ns}
{} 0 s sched_switch prev_pid=0 prev_state=0 next_pid=7 prev_comm=s next_comm=a cs=51 orig_ax={call}
",
            ns + 500
        )
    };
    // A futex that sleeps, one that reads its page from the disk, a pipe.
    let text = [wait(1000, 1, 202), wait(2000, 2, 202), wait(3000, 1, 0)].concat();
    let printed = printed("standing", 100, &text);
    let stacks: Vec<&str> = printed
        .iter()
        .filter_map(|row| row["stack"].as_str())
        .collect();
    assert_eq!(stacks, ["s2000", "s3000"]);
    let rows = printed.iter().filter(|row| row["ev"] == "standing");
    let has_stack: Vec<bool> = rows.map(|row| row["stack"].as_i64() != Some(0)).collect();
    assert_eq!(has_stack, [false, true, true]);
}

#[test]
fn the_outermost_of_nested_stops_is_the_stop() {
    let text = "\
10 1 gc__begin
20 1 gc__begin
30 1 gc__end
40 1 gc__end
50 1 gc__end
60 1 vmops__begin arg0=Outer
70 1 vmops__begin arg0=Inner
80 1 vmops__end
90 1 vmops__end
100 1 safepoint__begin
110 1 safepoint__end
";
    let printed = printed("pauses", 0, text);
    assert_eq!(
        spans(&printed, "pause", ""),
        [(10, 40), (60, 90), (100, 110)]
    );
    assert_eq!(printed[1]["name"], "Outer");
}

#[test]
fn waits_for_memory_are_of_their_thread_and_a_fault_is_printed_when_it_was_major() {
    let text = "\
10 1 mm_vmscan_direct_reclaim_begin
15 2 mm_vmscan_memcg_reclaim_begin
20 1 mm_vmscan_direct_reclaim_end nr_reclaimed=32
45 2 mm_vmscan_memcg_reclaim_end nr_reclaimed=0
50 1 mm_compaction_begin
60 2 mm_compaction_end
70 1 mm_compaction_end
100 1 page_fault_user
105 2 page_fault_user
110 1 page_fault_user
150 1 major-faults
160 1 major-faults
200 1 balance_dirty_pages pause=0 dirty=9 limit=8
300 1 balance_dirty_pages pause=12 dirty=9 limit=8
";
    let printed = printed("memory", 1, text);
    let calls = |function: &str| spans(&printed, "call", function);
    assert_eq!(calls("try_to_free_pages"), [(10, 20)]);
    assert_eq!(calls("try_to_free_mem_cgroup_pages"), [(15, 45)]);
    // An end without a begin of the same thread is of something else.
    assert_eq!(calls("compact_zone"), [(50, 70)]);
    // The fault of 100 found its page in memory, as that of thread 2 did.
    assert_eq!(calls("handle_mm_fault"), [(110, 150)]);
    assert_eq!(calls("balance_dirty_pages"), [(300, 12_000_300)]);
}
