//! A request in the shared queue waits for what the handlers are in, which are all busy.

use kcorr_scenario::account::{Piece, Resolver, Root, Stage, Via};
use kcorr_scenario::history::{
    Activity, Connection, History, Kind, Request, Role, Span, Thread, Write, WriteState,
};

const MS: i64 = 1_000_000;

fn span(start: i64, end: i64) -> Span {
    Span {
        start: start * MS,
        end: end * MS,
    }
}

/// A pool of handlers, each with what it does; a request is in the queue from 10 to 50 ms, and `taker`
/// takes it.
fn pool(activities: &[&[(Span, Activity)]], taker: usize) -> History {
    let mut history = History::default();
    for (number, activities) in activities.iter().enumerate() {
        history.threads.push(Thread {
            role: Role::Handler,
            name: format!("data-plane-kafka-request-handler-{number}"),
            tid: 100 + number as i32,
            java_id: number as i64,
            activities: activities.to_vec(),
        });
    }
    for (operation, thread) in [("write", 0), ("fsync", 1), ("write", 2)] {
        history.writes.push(Write {
            operation,
            span: span(0, 100),
            thread,
            log: 0,
            file: String::new(),
            offset: 0,
            bytes: 0,
            states: vec![(span(0, 100), WriteState::BlockIo)],
            fetch: None,
        });
    }
    history.connections.push(Connection {
        ip: [10, 1, 0, 1],
        port: 40_000,
        client_id: "producer-1".to_owned(),
        thread: 0,
        fetcher: None,
        requests: vec![0],
    });
    let [queued, assigned] = [10 * MS, 50 * MS];
    history.requests.push(Request {
        connection: 0,
        kind: Kind::Metadata,
        version: 12,
        correlation_id: 1,
        acks: 1,
        parts: Vec::new(),
        sent: 0,
        has_answer: 0,
        arrival: queued,
        received: queued,
        unmuted: queued,
        queued,
        assigned,
        taken: assigned,
        handler: taker,
        local_end: assigned,
        completed: assigned,
        completed_by: None,
        sending: assigned,
        response: assigned,
        end: assigned,
        held_in: None,
        held_out: None,
        request_bytes: 0,
        response_bytes: 0,
        max_wait: 0,
        min_bytes: 0,
        throttle: 0,
        released: assigned,
        muted_until: 0,
        shrunk: false,
    });
    history
}

fn queued(history: &History) -> Vec<Piece> {
    let pieces = Resolver::new(history).pieces(0);
    assert!(
        pieces
            .iter()
            .all(|piece| piece.stage == Stage::RequestQueue)
    );
    pieces
}

fn all_the_time(activity: Activity) -> [(Span, Activity); 1] {
    [(span(0, 100), activity)]
}

#[test]
fn what_most_handlers_are_in_is_to_blame_and_what_any_is_in_is_not_wrong() {
    let busy = [0, 1, 2].map(|write| all_the_time(Activity::Write(write)));
    // The handler that takes it in the end was in the sync.
    let history = pool(&[&busy[0], &busy[1], &busy[2]], 1);
    let [piece] = queued(&history)[..] else {
        panic!("one piece");
    };
    assert_eq!(piece.span, span(10, 50));
    assert_eq!(piece.cause, Root::SlowWrite.via(Via::Queued));
    let also: Vec<_> = piece.also.iter().collect();
    assert_eq!(also, [Root::SlowSync.via(Via::Queued)]);
    assert_eq!(piece.write, None, "there are two of them");
}

#[test]
fn of_equals_what_the_handler_was_in_that_takes_the_request_is_to_blame() {
    let busy = [Activity::Write(0), Activity::Write(1), Activity::Cpu].map(all_the_time);
    let busy = [&busy[0][..], &busy[1], &busy[2]];
    let [sync] = queued(&pool(&busy, 1))[..] else {
        panic!("one piece");
    };
    assert_eq!(sync.cause, Root::SlowSync.via(Via::Queued));
    assert_eq!(sync.write, Some((1, WriteState::BlockIo)));
    let [cpu] = queued(&pool(&busy, 2))[..] else {
        panic!("one piece");
    };
    assert_eq!(cpu.cause, Root::Cpu.via(Via::Queued));
}

#[test]
fn the_wait_is_cut_where_a_handler_goes_on_to_something_else() {
    let (write, cpu) = (
        all_the_time(Activity::Write(0)),
        all_the_time(Activity::Cpu),
    );
    let both = [
        (span(0, 30), Activity::Cpu),
        (span(30, 100), Activity::Write(2)),
    ];
    let pieces = queued(&pool(&[&write, &cpu, &both], 0));
    let cut: Vec<_> = pieces.iter().map(|p| (p.span, p.cause.root)).collect();
    let writes = Root::SlowWrite;
    assert_eq!(cut, [(span(10, 30), Root::Cpu), (span(30, 50), writes)]);
}
