//! When all request handlers were busy in the recording.

/// Times at which no handler was free: `[start, end)` in ns, apart from each other, by start.
#[derive(Debug, Clone, Default)]
pub(super) struct FullTimes(Vec<(i64, i64)>);

impl FullTimes {
    /// From the times `[start, end)` in which one handler each was at work on a request.
    pub(super) fn new(work: impl Iterator<Item = (i64, i64)>, handler_count: usize) -> Self {
        // Ends before starts: a handler takes the next request at the moment it is done with one.
        let mut turns: Vec<(i64, bool)> = work
            .filter(|(start, end)| start < end)
            .flat_map(|(start, end)| [(start, true), (end, false)])
            .collect();
        turns.sort_unstable();
        let mut busy = 0;
        let mut since = None;
        let mut full: Vec<(i64, i64)> = Vec::new();
        for (time, starts) in turns {
            if starts {
                busy += 1;
                if busy == handler_count {
                    since = Some(time);
                }
                continue;
            }
            if busy == handler_count
                && let Some(start) = since.take()
            {
                match full.last_mut() {
                    // Freed and taken in one moment.
                    Some(last) if last.1 == start => last.1 = time,
                    _ => full.push((start, time)),
                }
            }
            busy -= 1;
        }
        Self(full)
    }

    /// The last of them that one which waited from `start` to `end` saw anything of.
    pub(super) fn last_in(&self, start: i64, end: i64) -> Option<(i64, i64)> {
        let later = self.0.partition_point(|&(full, _)| full < end);
        let last = self.0.get(later.checked_sub(1)?)?;
        Some(*last).filter(|&(_, until)| until > start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_handlers_are_full_while_both_work() {
        let work = [(0, 10), (5, 20), (10, 12), (30, 40), (30, 30)];
        let full = FullTimes::new(work.into_iter(), 2);
        assert_eq!(full.0, [(5, 12)]);
        assert_eq!(full.last_in(0, 5), None);
        assert_eq!(full.last_in(0, 6), Some((5, 12)));
        assert_eq!(full.last_in(11, 40), Some((5, 12)));
        assert_eq!(full.last_in(12, 40), None);
    }
}
