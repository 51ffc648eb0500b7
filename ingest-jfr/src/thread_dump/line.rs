//! One line of a thread dump.
//!
//! As printed by HotSpot's `Threads::print_on`, `Thread::print_on` and
//! `javaVFrame::print_lock_info_on`.

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// `Full thread dump OpenJDK 64-Bit Server VM (…):` The version in parentheses.
    Start(Option<&'a str>),
    /// `4711:`, as `jcmd` prints above what a process answers.
    Pid(i32),
    Thread(ThreadLine<'a>),
    /// `java.lang.Thread.State: WAITING (parking)`.
    State(&'a str),
    /// `at package.Class.method(…)`: what stands before the parenthesis.
    Frame(&'a str),
    Lock(LockLine<'a>),
    /// `Locked ownable synchronizers:`; locks behind it are held.
    Synchronizers,
    /// `Found one Java-level deadlock:`; what follows says again what was said.
    Deadlock,
    /// A line that starts like a thread's, but is none.
    BrokenThread,
    Other,
}

/// The first line of a thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ThreadLine<'a> {
    pub(crate) name: &'a str,
    /// `#26`; VM threads have none.
    pub(crate) java_thread_id: Option<i64>,
    /// `nid`: hexadecimal with `0x` until JDK 18, decimal since.
    pub(crate) tid: Option<i32>,
    /// `waiting on condition`, `runnable`, `in Object.wait()`.
    pub(crate) condition: &'a str,
}

/// A `- …` line below a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LockLine<'a> {
    pub(crate) relation: Relation,
    pub(crate) address: Option<i64>,
    pub(crate) class: Option<&'a str>,
}

/// `thread_dump_locks.relation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relation {
    Held,
    WaitingToLock,
    WaitingToRelock,
    WaitingOn,
    Parking,
    Eliminated,
    /// A line `- <0x…> (a …)` below `Locked ownable synchronizers:`.
    SynchronizerHeld,
}

impl Relation {
    pub(crate) const NAMES: [&'static str; 7] = [
        "held",
        "waiting_to_lock",
        "waiting_to_relock",
        "waiting_on",
        "parking",
        "eliminated",
        "synchronizer_held",
    ];
}

/// What HotSpot writes before the address; longer ones first.
const RELATIONS: [(&str, Relation); 7] = [
    ("waiting to re-lock in wait()", Relation::WaitingToRelock),
    ("waiting to re-lock", Relation::WaitingToRelock),
    ("waiting to lock", Relation::WaitingToLock),
    ("waiting on", Relation::WaitingOn),
    ("parking to wait for", Relation::Parking),
    ("locked", Relation::Held),
    ("eliminated", Relation::Eliminated),
];

/// Reads a line without its line end.
pub(crate) fn line(text: &str) -> Line<'_> {
    if text.starts_with('"') {
        return thread_line(text);
    }
    let trimmed = text.trim();
    if let Some(rest) = trimmed.strip_prefix("Full thread dump") {
        let version = rest
            .split_once('(')
            .and_then(|(_, rest)| rest.split_once(' '));
        return Line::Start(version.map(|(version, _)| version));
    }
    if let Some(state) = trimmed.strip_prefix("java.lang.Thread.State: ") {
        return Line::State(state);
    }
    if let Some(frame) = trimmed.strip_prefix("at ") {
        // JDK 9 and later may put `module@version/` before the file, never before the class.
        return Line::Frame(frame.split_once('(').map_or(frame, |(name, _)| name));
    }
    if let Some(lock) = trimmed.strip_prefix("- ") {
        return lock_line(lock).map_or(Line::Other, Line::Lock);
    }
    if trimmed == "Locked ownable synchronizers:" {
        return Line::Synchronizers;
    }
    if trimmed.starts_with("Found ") && trimmed.contains("deadlock") {
        return Line::Deadlock;
    }
    match trimmed.strip_suffix(':').map(str::parse) {
        Some(Ok(pid)) if pid > 0 => Line::Pid(pid),
        _ => Line::Other,
    }
}

fn thread_line(text: &str) -> Line<'_> {
    // A name may hold anything, quotes too; the attributes behind it hold none.
    let Some((before, after)) = text.rsplit_once(" nid=") else {
        // In the part about deadlocks: `"name":`.
        return match text.trim_end().ends_with(':') {
            true => Line::Other,
            false => Line::BrokenThread,
        };
    };
    let Some((quoted, attributes)) = before.rsplit_once('"') else {
        return Line::BrokenThread;
    };
    let Some(name) = quoted.strip_prefix('"') else {
        return Line::BrokenThread;
    };
    let id = attributes
        .split_whitespace()
        .find_map(|word| word.strip_prefix('#'));
    let nid = after.split_whitespace().next().unwrap_or_default();
    let condition = after.strip_prefix(nid).unwrap_or_default();
    let condition = condition
        .split_once('[')
        .map_or(condition, |(condition, _)| condition);
    let tid = match nid.strip_prefix("0x") {
        Some(digits) => i32::from_str_radix(digits, 16),
        None => nid.parse(),
    };
    Line::Thread(ThreadLine {
        name,
        java_thread_id: id.and_then(|id| id.parse().ok()),
        tid: tid.ok().filter(|tid| *tid > 0),
        condition: condition.trim(),
    })
}

fn lock_line(text: &str) -> Option<LockLine<'_>> {
    let known = RELATIONS.iter();
    let known = known.filter_map(|(words, relation)| Some((text.strip_prefix(words)?, *relation)));
    let (rest, relation) = known
        .clone()
        .next()
        .unwrap_or((text, Relation::SynchronizerHeld));
    let rest = rest.trim_start().strip_prefix('<')?;
    let (address, rest) = rest.split_once('>')?;
    let address = address.strip_prefix("0x");
    let address = address.and_then(|digits| u64::from_str_radix(digits, 16).ok());
    let class = rest
        .trim()
        .strip_prefix("(a ")
        .and_then(|class| class.strip_suffix(')'));
    Some(LockLine {
        relation,
        address: address.map(u64::cast_signed),
        // The monitor of a class: `(a java.lang.Class for kafka.log.LogManager)`.
        class: class.map(|class| class.split_once(" for ").map_or(class, |(class, _)| class)),
    })
}

/// Whether an input is a thread dump, by its first bytes; the answer names the format.
pub fn recognise_thread_dump(head: &[u8]) -> Option<&'static str> {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.lines().map(line);
    lines
        .any(|line| matches!(line, Line::Start(_) | Line::Thread(_)))
        .then_some("thread dump")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thread(text: &str) -> ThreadLine<'_> {
        match line(text) {
            Line::Thread(thread) => thread,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_thread_id_is_hexadecimal_or_decimal() {
        let old = thread(
            r#""data-plane-kafka-request-handler-24" #87 daemon prio=5 os_prio=0 tid=0x00007f1c nid=0x1184 waiting for monitor entry [0x00007f1c0d11e000]"#,
        );
        assert_eq!(old.name, "data-plane-kafka-request-handler-24");
        assert_eq!((old.tid, old.java_thread_id), (Some(4484), Some(87)));
        assert_eq!(old.condition, "waiting for monitor entry");
        let new = thread(
            r#""main" #1 [4484] prio=5 os_prio=0 cpu=1.2ms elapsed=3.4s tid=0x00007f nid=4484 runnable  "#,
        );
        assert_eq!((new.tid, new.condition), (Some(4484), "runnable"));
        let vm = thread(r#""VM Thread" os_prio=0 cpu=1ms tid=0x00007f nid=0x5925 runnable  "#);
        assert_eq!((vm.tid, vm.java_thread_id), (Some(0x5925), None));
    }

    #[test]
    fn a_name_may_hold_quotes_and_attributes() {
        let odd = thread(r#""a " nid=7 "b" #3 prio=5 tid=0x1 nid=0x10 runnable"#);
        assert_eq!((odd.name, odd.tid), (r#"a " nid=7 "b"#, Some(16)));
    }

    #[test]
    fn lock_lines_tell_their_relation() {
        let lock = |text| match line(text) {
            Line::Lock(lock) => lock,
            other => panic!("{other:?}"),
        };
        let waiting = lock("\t- waiting to lock <0x00000000c0> (a java.lang.Object)");
        assert_eq!(waiting.relation, Relation::WaitingToLock);
        assert_eq!(
            (waiting.address, waiting.class),
            (Some(0xc0), Some("java.lang.Object"))
        );
        let gone = lock("\t- waiting on <no object reference available>");
        assert_eq!((gone.relation, gone.address), (Relation::WaitingOn, None));
        let parked = lock("\t- parking to wait for  <0x10> (a x.Y$Sync)");
        assert_eq!(
            (parked.relation, parked.class),
            (Relation::Parking, Some("x.Y$Sync"))
        );
        let class = lock("\t- locked <0x10> (a java.lang.Class for x.Y)");
        assert_eq!(class.class, Some("java.lang.Class"));
        let again = lock("\t- waiting to re-lock in wait() <0x10> (a x.Y)");
        assert_eq!(again.relation, Relation::WaitingToRelock);
        let owned = lock("\t- <0x10> (a java.util.concurrent.ThreadPoolExecutor$Worker)");
        assert_eq!(owned.relation, Relation::SynchronizerHeld);
        assert_eq!(line("\t- None"), Line::Other);
    }
}
