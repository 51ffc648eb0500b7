//! Stops of the JVM and of the whole process, within a span.

use crate::history::{History, Span};

/// What stopped threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The JVM (the pause's number).
    Pause(usize),
    /// The quota of CPU time (the stop's number).
    Throttle(usize),
    /// A signal (the stop's number).
    Process(usize),
}

/// A span cut at stops of the JVM and of the process: the parts, each with the stop it lies in.
pub(crate) fn cut(history: &History, span: Span) -> Vec<(Span, Option<Stop>)> {
    let mut parts = Vec::new();
    let mut time = span.start;
    let mut stops = stops_in(&history.pauses, span, Stop::Pause);
    stops.extend(stops_in(&history.throttles, span, Stop::Throttle));
    stops.extend(stops_in(&history.process_stops, span, Stop::Process));
    stops.sort_by_key(|(stop, _)| stop.start);
    for (stop, what) in stops {
        if time < stop.start {
            let before = Span {
                start: time,
                end: stop.start,
            };
            parts.push((before, None));
        }
        parts.push((stop, Some(what)));
        time = stop.end;
    }
    if time < span.end {
        let rest = Span {
            start: time,
            end: span.end,
        };
        parts.push((rest, None));
    }
    parts
}

/// The common parts of a span with stops of a kind; the stops are in order and do not overlap.
fn stops_in(stops: &[Span], span: Span, what: fn(usize) -> Stop) -> Vec<(Span, Stop)> {
    let first = stops.partition_point(|stop| stop.end <= span.start);
    let stops = stops.iter().enumerate().skip(first);
    let stops = stops.map_while(|(number, stop)| Some((stop.common(span)?, what(number))));
    stops.collect()
}
