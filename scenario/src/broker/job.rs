//! What the broker's threads are at: handlers, and those that do something else.

/// What a thread is at. `Step` says that the part before is over.
#[derive(Debug, Clone, Copy)]
pub(super) enum Job {
    /// A handler reads a request and checks it.
    Parse(usize),
    /// It waits for the other lock before it appends.
    TakeOther(usize),
    /// It holds that.
    HoldOther(usize),
    /// It asks for the monitor of the log of a partition, by its place in the request.
    Lock(usize, usize),
    /// It has it, and prepares the append.
    Prepare(usize, usize),
    /// It asks for the other lock under the log's monitor.
    TakeInner(usize, usize),
    /// It holds both.
    HoldInner(usize, usize),
    /// It rolls the segment, and syncs the snapshot of producers.
    Roll(usize, usize),
    /// That is over.
    Rolled(usize, usize),
    /// It writes.
    Write(usize, usize),
    /// The write is over.
    Written(usize, usize),
    /// It flushes the log, one file after another.
    Flush(usize, usize, Flush),
    /// It has synced that file.
    Flushed(usize, usize, Flush),
    /// It lets go of the monitor.
    Unlock(usize, usize),
    /// It asks for it again, for the high watermark.
    Relock(usize, usize),
    /// It has it again.
    Mark(usize, usize),
    /// It lets go of it for good.
    Marked(usize, usize),
    /// It processes what a follower's fetch says of a partition.
    Heed(usize, usize),
    /// It has the monitor of that partition's log.
    Followed(usize, usize),
    /// It notes what the follower has.
    Advance(usize, usize),
    /// It reads where the records of a partition are that a fetch gets.
    Read(usize, usize),
    /// It has.
    ReadPart(usize, usize),
    /// It is done with the request.
    Finish(usize),
    /// A fetcher's job.
    Follow(Follow),
    /// Another thread's job (see `others`).
    Other(Task),
}

/// A job of a thread that follows another broker; logs by their places in what the answer brought.
#[derive(Debug, Clone, Copy)]
pub(super) enum Follow {
    /// It sends a fetch.
    Send,
    /// It comes to a log.
    Log(usize),
    /// It has that log's monitor.
    Prepare(usize),
    /// It rolls the segment, if that is full.
    Roll(usize),
    /// It writes.
    Write(usize),
    /// The write is over.
    Written(usize),
    /// It lets go of the monitor.
    Unlock(usize),
}

/// A job of a thread that is no handler.
#[derive(Debug, Clone, Copy)]
pub(super) enum Task {
    /// The scheduler syncs the next file of a log, whose monitor it has.
    Sync(usize, Flush),
    /// It has.
    Synced(usize, Flush),
    /// The reporter has the other lock.
    Report,
    /// It has done what it took it for.
    Reported,
    /// The flusher has synced a file of a log, whose monitor it has not.
    Flushed(usize, Flush),
    /// It has the monitor, to note what is flushed.
    MarkFlushed(usize),
    /// It lets go of it.
    Marked(usize),
    /// A thread has the monitor of the log in which it notes that a transaction is complete.
    Complete(usize),
    /// It has.
    Completed(usize),
}

/// A file that a flush syncs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flush {
    Log,
    OffsetIndex,
    TimeIndex,
    TransactionIndex,
}

impl Flush {
    /// Its file, by that of the segment.
    pub(super) fn file(self, segment: &str) -> String {
        let stem = segment.trim_end_matches(".log");
        match self {
            Self::Log => format!("{stem}.log"),
            Self::OffsetIndex => format!("{stem}.index"),
            Self::TimeIndex => format!("{stem}.timeindex"),
            Self::TransactionIndex => format!("{stem}.txnindex"),
        }
    }

    /// What is mapped is synced by msync.
    pub(super) fn operation(self) -> &'static str {
        match self {
            Self::Log | Self::TransactionIndex => "fsync",
            Self::OffsetIndex | Self::TimeIndex => "msync",
        }
    }
}
