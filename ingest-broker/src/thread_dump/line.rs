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
    /// `_java_thread_list=0x…, length=90, elements={`: the number of Java threads.
    ThreadCount(u64),
    /// `JNI global refs: 14, weak refs: 0`: the dump's last line.
    End,
    /// A line that only dumps of `Thread.dump_to_file` have; the value names the format.
    OtherDump(&'static str),
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
    /// The operating system's id.
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
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::WaitingToLock => "waiting_to_lock",
            Self::WaitingToRelock => "waiting_to_relock",
            Self::WaitingOn => "waiting_on",
            Self::Parking => "parking",
            Self::Eliminated => "eliminated",
            Self::SynchronizerHeld => "synchronizer_held",
        }
    }
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
    if trimmed.starts_with("JNI global ref") {
        return Line::End;
    }
    if let Some(list) = trimmed.strip_prefix("_java_thread_list=") {
        let length = list.split_once(" length=").map(|(_, rest)| rest);
        let length = length.and_then(|rest| rest.split_once(',')?.0.parse().ok());
        return length.map_or(Line::Other, Line::ThreadCount);
    }
    let member = trimmed.strip_prefix('{').unwrap_or(trimmed).trim_start();
    if member.starts_with("\"threadDump\"") {
        return Line::OtherDump("JSON");
    }
    if is_file_thread(text) {
        return Line::OtherDump("text");
    }
    match trimmed.strip_suffix(':').map(str::parse) {
        Some(Ok(pid)) if pid > 0 => Line::Pid(pid),
        _ => Line::Other,
    }
}

/// `#3 "main"`: a thread in a text of `Thread.dump_to_file`.
fn is_file_thread(text: &str) -> bool {
    let Some((number, rest)) = text.strip_prefix('#').and_then(|text| text.split_once(' ')) else {
        return false;
    };
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) && rest.starts_with('"')
}

/// `"name" #23 [27434] daemon prio=5 os_prio=0 … tid=0x… nid=27434 runnable  [0x…]`. The number in brackets
/// is the thread's id since JDK 21; a thread that carries a virtual one has only that. The id behind
/// `nid=` is hexadecimal until JDK 18, and JDK 8 prints only that.
fn thread_line(text: &str) -> Line<'_> {
    let not_read = || match text.trim_end().ends_with(':') {
        // In the part about deadlocks: `"name":`.
        true => Line::Other,
        false => Line::BrokenThread,
    };
    // A name may hold anything, quotes too; the attributes behind it hold none.
    let Some((quoted, attributes)) = text.rsplit_once('"') else {
        return not_read();
    };
    let Some(name) = quoted.strip_prefix('"') else {
        return not_read();
    };
    let Some((_, address)) = attributes.split_once(" tid=0x") else {
        return not_read();
    };
    let mut words = attributes.split_whitespace();
    let id = words.next().and_then(|word| word.strip_prefix('#'));
    let bracketed = id.and_then(|_| {
        let word = words.next()?.strip_prefix('[')?;
        word.strip_suffix(']')
    });
    // Behind the address: the id, what the thread does, and its stack pointer.
    let behind = address.split_once(' ').map_or("", |(_, behind)| behind);
    let (nid, condition) = match behind.trim_start().strip_prefix("nid=") {
        Some(rest) => {
            let (nid, condition) = rest.split_once(' ').unwrap_or((rest, ""));
            (Some(nid), condition)
        }
        None => (None, behind),
    };
    let tid = match nid {
        Some(nid) => match nid.strip_prefix("0x") {
            Some(digits) => i32::from_str_radix(digits, 16).ok(),
            None => nid.parse().ok(),
        },
        None => None,
    };
    let bracketed = bracketed.and_then(|digits| digits.parse().ok());
    let tid = tid.or(bracketed).filter(|tid: &i32| *tid > 0);
    if tid.is_none() && nid.is_none() {
        return not_read();
    }
    let condition = condition
        .split_once('[')
        .map_or(condition, |(condition, _)| condition);
    Line::Thread(ThreadLine {
        name,
        java_thread_id: id.and_then(|id| id.parse().ok()),
        tid,
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
    fn a_carrier_has_its_id_in_brackets() {
        let carrier = thread(
            r#""ForkJoinPool-1-worker-1" #23 [27434] daemon prio=5 os_prio=0 cpu=1320.21ms elapsed=3.19s tid=0x00007fb6880e6b70  [0x00007fb68cb64000]"#,
        );
        assert_eq!((carrier.tid, carrier.condition), (Some(27434), ""));
        let odd = thread(
            r#""holder [x] nid=7 "y"" #31 [27437] daemon prio=5 tid=0x7f nid=27437 runnable"#,
        );
        assert_eq!(
            (odd.name, odd.tid),
            (r#"holder [x] nid=7 "y""#, Some(27437))
        );
        assert_eq!(
            line(r#""no id" #31 daemon prio=5 tid=0x7f runnable"#),
            Line::BrokenThread
        );
    }

    #[test]
    fn what_a_dump_says_of_itself_is_read() {
        let list = "_java_thread_list=0x00007f1b8001d310, length=90, elements={";
        assert_eq!(line(list), Line::ThreadCount(90));
        assert_eq!(line("JNI global refs: 14, weak refs: 0"), Line::End);
        assert_eq!(line("JNI global references: 311"), Line::End);
        assert_eq!(line("  \"threadDump\": {"), Line::OtherDump("JSON"));
        assert_eq!(line("#22 \"\" virtual"), Line::OtherDump("text"));
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
