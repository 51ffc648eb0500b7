//! The broker's threads, and Java code that runs on them: a pause stops it.

use super::{Simulation, at};
use crate::Options;
use crate::history::{Activity, PauseState, Role, RunQueueWait, Span, Thread, Time};

/// Id of the broker's process.
pub(crate) const PID: i32 = 4_400;
const FIRST_TID: i32 = 4_461;
/// The name of the thread that runs what the JVM is stopped for.
const VM_THREAD: &str = "VM Thread";

/// A thread that comes late to a safepoint waits for a CPU since so long before it begins, and until so
/// long before all have come.
const LATE_NS: (i64, i64) = (40_000, 5_000);

/// Handlers first, then network threads, the scheduler, the reporter, the flusher, the JVM's own thread,
/// the log cleaner, where there are transactions the thread that completes them, and those that follow the other
/// brokers.
pub(super) fn all(options: &Options, broker: usize) -> Vec<Thread> {
    let handlers = (0..options.handlers).map(|n| {
        let name = format!("data-plane-kafka-request-handler-{n}");
        (Role::Handler, name)
    });
    let network = (0..options.network_threads).map(|n| {
        let name =
            format!("data-plane-kafka-network-thread-1-ListenerName(PLAINTEXT)-PLAINTEXT-{n}");
        (Role::Network, name)
    });
    let others = [
        (Role::Scheduler, "kafka-scheduler-3".to_owned()),
        (Role::Reporter, "metrics-reporter".to_owned()),
        (Role::Scheduler, "kafka-scheduler-7".to_owned()),
        (Role::Vm, VM_THREAD.to_owned()),
        (Role::Cleaner, "kafka-log-cleaner-thread-0".to_owned()),
    ];
    let marker = (options.transactional_producers > 0).then(|| {
        let name = "TxnMarkerSenderThread-1".to_owned();
        (Role::Marker, name)
    });
    let leaders = (0..options.brokers).filter(|other| *other != broker);
    let fetchers = leaders.flat_map(|leader| {
        (0..options.fetchers).map(move |number| {
            let name = format!("ReplicaFetcherThread-{number}-{}", leader + 1);
            (Role::Fetcher, name)
        })
    });
    let threads = handlers
        .chain(network)
        .chain(others)
        .chain(marker)
        .chain(fetchers)
        .enumerate();
    let threads = threads.map(|(number, (role, name))| Thread {
        role,
        name,
        tid: FIRST_TID + number as i32,
        java_id: 36 + number as i64,
        activities: Vec::new(),
    });
    threads.collect()
}

impl Simulation<'_> {
    /// The thread number of a network thread.
    pub(super) fn network_thread(&self, number: usize) -> usize {
        self.options.handlers + number
    }

    pub(super) fn scheduler(&self) -> usize {
        self.options.handlers + self.options.network_threads
    }

    pub(super) fn reporter(&self) -> usize {
        self.scheduler() + 1
    }

    /// A second thread of the scheduler: it flushes logs without their monitors.
    pub(super) fn flusher(&self) -> usize {
        self.reporter() + 1
    }

    /// The thread that notes that transactions are complete; only where there are any.
    pub(super) fn marker(&self) -> usize {
        self.flusher() + 3
    }

    /// The log cleaner waits for a CPU when a safepoint begins, and the others wait for it.
    pub(super) fn come_late(&mut self) {
        let cleaner = self.flusher() + 2;
        for number in 0..self.history.pauses.len() {
            let states = &self.history.pause_states[number];
            let reaching = states[0].0;
            debug_assert_eq!(states[0].1, PauseState::TimeToSafepoint);
            if reaching.ns() >= 1_000_000 {
                let (before, after) = LATE_NS;
                self.did(
                    cleaner,
                    reaching.start - before,
                    reaching.end - after,
                    Activity::RunQueue,
                );
            }
        }
    }

    /// A thread computes for `ns` from `start` on; answers when it is done, pauses included.
    pub(super) fn compute(&mut self, thread: usize, start: Time, ns: i64) -> Time {
        let mut time = start;
        let mut left = ns.max(1);
        while left > 0 {
            if let Some((end, stopped)) = self.stop_at(time) {
                self.did(thread, time, end, stopped);
                time = end;
                continue;
            }
            let room = self.next_stop(time).map_or(left, |stop| stop - time);
            let part = left.min(room);
            self.did(thread, time, time + part, Activity::Cpu);
            time += part;
            left -= part;
        }
        time
    }

    /// The stop of the JVM, or of the whole process by its quota or a signal, at a time: its end, and what a thread is in that would
    /// go on.
    pub(super) fn stop_at(&self, time: Time) -> Option<(Time, Activity)> {
        let history = &self.history;
        let pause = at(&history.pauses, time);
        let pause = pause.map(|n| (history.pauses[n].end, Activity::Pause(n)));
        let throttled = || {
            let throttle = at(&history.throttles, time)?;
            Some((
                history.throttles[throttle].end,
                Activity::Throttle(throttle),
            ))
        };
        let stopped = || {
            let stop = at(&history.process_stops, time)?;
            Some((history.process_stops[stop].end, Activity::Stopped(stop)))
        };
        pause.or_else(throttled).or_else(stopped)
    }

    /// The start of the next stop after a time.
    fn next_stop(&self, time: Time) -> Option<Time> {
        let next = |stops: &[Span]| {
            let next = stops.partition_point(|stop| stop.start <= time);
            stops.get(next).map(|stop| stop.start)
        };
        let history = &self.history;
        let stops = [&history.pauses, &history.throttles, &history.process_stops];
        stops.into_iter().filter_map(|stops| next(stops)).min()
    }

    /// The end of the stop at a time, or the time; a thread that comes back from a system call, or is
    /// given a monitor, goes on only then.
    pub(super) fn after_stop(&mut self, thread: usize, time: Time) -> Time {
        let mut time = time;
        while let Some((end, stopped)) = self.stop_at(time) {
            self.did(thread, time, end, stopped);
            time = end;
        }
        time
    }

    /// A thread that would go on at a time has to wait for a CPU if it is due.
    pub(super) fn run_queue_wait(&mut self, thread: usize, start: Time, is_due: bool) -> Time {
        if !is_due {
            return start;
        }
        let end = start + self.cpu.slow_ns(self.options.run_queue_ms);
        self.did(thread, start, end, Activity::RunQueue);
        end
    }

    pub(super) fn did(&mut self, thread: usize, start: Time, end: Time, activity: Activity) {
        if start < end {
            let activities = &mut self.history.threads[thread].activities;
            debug_assert!(activities.last().is_none_or(|(span, _)| span.end <= start));
            let span = Span { start, end };
            activities.push((span, activity));
            // What is ready and stopped by its quota is in a run queue, too.
            if matches!(activity, Activity::RunQueue | Activity::Throttle(_)) {
                let wait = RunQueueWait { span, thread };
                self.history.run_queue_waits.push(wait);
            }
        }
    }
}
