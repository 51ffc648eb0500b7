use super::*;

fn class(frames: &str) -> &'static str {
    let frames: Vec<&str> = frames.split_ascii_whitespace().collect();
    of_stack(&frames).wait.class
}

#[test]
fn every_row_of_the_list_has_all_fields() {
    for row in LIST.lines() {
        assert_eq!(row.split(',').count(), 5, "{row}");
        assert!(
            row.split(',').all(|field| !field.trim().is_empty()),
            "{row}"
        );
    }
}

#[test]
fn what_encloses_a_wait_tells_more_than_where_it_waits() {
    let write = "generic_perform_write ext4_buffered_write_iter vfs_write ksys_write";
    let wait = "__schedule schedule io_schedule folio_wait_bit_common";
    assert_eq!(
        class(&format!("{wait} __filemap_get_folio {write}")),
        "folio_lock"
    );
    assert_eq!(
        class(&format!("{wait} folio_wait_writeback {write}")),
        "writeback"
    );
    let reclaim = "shrink_folio_list shrink_node try_to_free_pages __alloc_pages_slowpath";
    let in_reclaim = format!("{wait} folio_wait_writeback {reclaim} __filemap_get_folio {write}");
    assert_eq!(class(&in_reclaim), "direct_reclaim");
    assert_eq!(class("__schedule schedule io_schedule"), "block_io");
    // A page that is being moved is waited for in the function that reads swapped ones.
    let fault = "__handle_mm_fault handle_mm_fault do_user_addr_fault exc_page_fault";
    let moved = format!(
        "__schedule schedule io_schedule migration_entry_wait_on_locked migration_entry_wait do_swap_page {fault}"
    );
    assert_eq!(class(&moved), "page_migration");
    assert_eq!(
        class(&format!(
            "{wait} __folio_lock_or_retry do_swap_page {fault}"
        )),
        "swap_read"
    );
}

#[test]
fn a_pattern_with_two_functions_needs_both_in_order() {
    let is = |frames: &[&str]| fits(&parts("down_*_slow < write*iter"), frames).is_some();
    assert!(is(&[
        "schedule",
        "down_x_slow.constprop.0",
        "y",
        "write_a_iter"
    ]));
    assert!(!is(&["write_a_iter", "down_x_slow"]));
    assert!(!is(&["down_x_slow", "write_a_ite"]));
    assert!(is_like("a*b*c", "axbxbxc") && !is_like("a*b*c", "axc") && is_like("*", ""));
    assert!(!is_like("ab*ba", "aba"));
}

#[test]
fn a_lock_is_of_who_takes_it_and_not_of_what_encloses_that() {
    let wait = "__schedule schedule rwsem_down_read_slowpath down_read";
    assert_eq!(class(&format!("{wait} do_user_addr_fault")), "mmap_lock");
    let fault = "do_user_addr_fault exc_page_fault asm_exc_page_fault";
    assert_eq!(class(&format!("{wait} {fault}")), "mmap_lock");
    assert_eq!(
        class(&format!("{wait} filemap_fault __do_fault {fault}")),
        "mapping_rwsem"
    );
    assert_eq!(
        class(&format!("{wait} ext4_map_blocks ext4_page_mkwrite {fault}")),
        "extent_rwsem"
    );
    // A write whose buffer is not in memory holds the inode's lock, and waits for another.
    let write = "fault_in_readable generic_perform_write ext4_buffered_write_iter vfs_write";
    assert_eq!(class(&format!("{wait} {fault} {write}")), "mmap_lock");
    assert_eq!(
        class(&format!("{wait} ext4_buffered_write_iter vfs_write")),
        "inode_rwsem"
    );
}

#[test]
fn a_waker_is_an_interrupt_only_where_its_stack_shows_it() {
    let futex = ["try_to_wake_up", "wake_up_q", "futex_wake", "do_futex"];
    assert_eq!(is_interrupt(&futex, true), Some(false));
    let timer = [
        "try_to_wake_up",
        "hrtimer_wakeup",
        "asm_sysvec_apic_timer_interrupt",
        "do_futex",
    ];
    assert_eq!(is_interrupt(&timer, true), Some(true));
    assert_eq!(is_interrupt(&["try_to_wake_up", "x"], true), None);
    assert_eq!(is_interrupt(&["try_to_wake_up", "x"], false), Some(false));
}
