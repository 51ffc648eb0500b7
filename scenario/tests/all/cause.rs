//! A cause is written as its root and the way by which it came.

use kcorr_scenario::account::{Cause, Causes, Root, Via};

#[test]
fn a_cause_is_its_root_when_own_and_else_behind_it() {
    assert_eq!(Root::SlowSync.own().to_string(), "slow_sync");
    let behind = |root: Root, via| root.via(via).to_string();
    assert_eq!(
        behind(Root::SlowSync, Via::LockWait),
        "lock_wait_behind_slow_sync"
    );
    assert_eq!(behind(Root::Pause, Via::Queued), "queued_behind_pause");
    assert_eq!(behind(Root::LockOther, Via::LockWait), "lock_wait_other");
    assert_eq!(
        behind(Root::LockOther, Via::Queued),
        "queued_behind_lock_other"
    );
    assert_eq!(
        behind(Root::Cpu, Via::NetworkThread),
        "network_thread_behind_cpu"
    );
}

#[test]
fn each_cause_is_found_by_its_name_and_nothing_else_is() {
    for cause in Cause::all() {
        assert_eq!(Cause::from_name(&cause.to_string()), Some(cause));
    }
    for name in ["", "own", "queued_behind_unexplained", "slow_fsync"] {
        assert_eq!(Cause::from_name(name), None, "{name}");
    }
}

#[test]
fn behind_something_unexplained_is_unexplained() {
    assert_eq!(Cause::UNEXPLAINED.behind(), Cause::UNEXPLAINED);
}

#[test]
fn a_set_has_each_cause_once() {
    let all = Cause::all().fold(Causes::default(), Causes::with);
    assert_eq!(all.iter().count(), Cause::all().count());
    let none = Cause::all().fold(all, Causes::without);
    assert_eq!(none, Causes::default());
    let own = Causes::default().with(Root::Pause.own());
    let behind: Vec<Cause> = own.behind().iter().collect();
    assert_eq!(behind, [Root::Pause.via(Via::Queued)]);
}
