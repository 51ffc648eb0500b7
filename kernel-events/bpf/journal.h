// SPDX-License-Identifier: (MIT OR GPL-2.0-only)
// ext4's journal: commits with their phases, fast commits, waits for a handle, stalls on a buffer. All
// processes: commits run in threads of the kernel. A commit begins and ends in one thread.
#pragma once

#include "state.h"

INLINE u32 device_of(journal_t *journal)
{
	return journal->j_fs_dev->bd_dev;
}

SEC("tp_btf/jbd2_start_commit")
int start_commit(u64 *context)
{
	struct thread *thread = this_thread(OR_NEW);
	if (!thread) {
		lose(JOURNAL);
		return 0;
	}
	thread->commit = bpf_ktime_get_ns();
	thread->commit_locking = 0;
	thread->commit_flushing = 0;
	thread->commit_logging = 0;
	return 0;
}

SEC("tp_btf/jbd2_commit_locking")
int lock_commit(u64 *context)
{
	struct thread *thread = this_thread(OR_NONE);
	if (thread && thread->commit)
		thread->commit_locking = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/jbd2_commit_flushing")
int flush_commit(u64 *context)
{
	struct thread *thread = this_thread(OR_NONE);
	if (!thread || !thread->commit_locking)
		return 0;
	u64 end = bpf_ktime_get_ns();
	journal_t *journal = (void *)context[0];
	transaction_t *transaction = (void *)context[1];
	tell_call(JOURNAL, COMMIT_LOCKING, thread->commit_locking, end, 1, device_of(journal), transaction->t_tid);
	thread->commit_locking = 0;
	thread->commit_flushing = end;
	return 0;
}

SEC("tp_btf/jbd2_commit_logging")
int log_commit(u64 *context)
{
	struct thread *thread = this_thread(OR_NONE);
	if (!thread || !thread->commit_flushing)
		return 0;
	u64 end = bpf_ktime_get_ns();
	journal_t *journal = (void *)context[0];
	transaction_t *transaction = (void *)context[1];
	tell_call(JOURNAL, COMMIT_FLUSHING, thread->commit_flushing, end, 1, device_of(journal), transaction->t_tid);
	thread->commit_flushing = 0;
	thread->commit_logging = end;
	return 0;
}

SEC("tp_btf/jbd2_end_commit")
int end_commit(u64 *context)
{
	struct thread *thread = this_thread(OR_NONE);
	if (!thread || !thread->commit)
		return 0;
	u64 end = bpf_ktime_get_ns();
	journal_t *journal = (void *)context[0];
	transaction_t *transaction = (void *)context[1];
	u32 device = device_of(journal), number = transaction->t_tid;
	if (thread->commit_logging)
		tell_call(JOURNAL, COMMIT_LOGGING, thread->commit_logging, end, 1, device, number);
	tell_call(JOURNAL, COMMIT, thread->commit, end, 1, device, number);
	thread->commit = 0;
	thread->commit_logging = 0;
	return 0;
}

// Fast commits run in the thread that syncs.
SEC("tp_btf/ext4_fc_commit_start")
int start_fast_commit(u64 *context)
{
	struct thread *thread = this_thread(OR_NEW);
	if (thread)
		thread->fast_commit = bpf_ktime_get_ns();
	else
		lose(JOURNAL);
	return 0;
}

SEC("tp_btf/ext4_fc_commit_stop")
int stop_fast_commit(u64 *context)
{
	struct thread *thread = this_thread(OR_NONE);
	if (!thread || !thread->fast_commit)
		return 0;
	struct super_block *super = (void *)context[0];
	tell_call(JOURNAL, FAST_COMMIT, thread->fast_commit, bpf_ktime_get_ns(), 1, super->s_dev, (u32)context[3]);
	thread->fast_commit = 0;
	return 0;
}

// A wait for a handle: from asking for one to having it. A nested start gets the handle that is open and shows
// no jbd2_handle_start, so every kind of start takes the place of the one before it, and the end of a handle
// forgets what was nested in it.
INLINE int start_handle(void)
{
	struct thread *thread = this_thread(OR_NEW);
	if (thread)
		thread->handle = bpf_ktime_get_ns();
	else
		lose(JOURNAL);
	return 0;
}

SEC("tp_btf/ext4_journal_start_inode")
int start_handle_inode(u64 *context)
{
	return start_handle();
}

SEC("tp_btf/ext4_journal_start_sb")
int start_handle_super(u64 *context)
{
	return start_handle();
}

SEC("tp_btf/ext4_journal_start_reserved")
int start_handle_reserved(u64 *context)
{
	return start_handle();
}

SEC("tp_btf/jbd2_handle_start")
int have_handle(u64 *context)
{
	struct thread *thread = this_thread(OR_NONE);
	if (!thread || !thread->handle)
		return 0;
	u64 end = bpf_ktime_get_ns();
	if (end - thread->handle >= journal_threshold)
		tell_call(JOURNAL, HANDLE, thread->handle, end, 1, (u32)context[0], (u32)context[1]);
	thread->handle = 0;
	return 0;
}

SEC("tp_btf/jbd2_handle_stats")
int end_handle(u64 *context)
{
	struct thread *thread = this_thread(OR_NONE);
	if (thread)
		thread->handle = 0;
	return 0;
}

// A wait for the lock of a buffer that is being written, in ms as the kernel tells it.
SEC("tp_btf/jbd2_lock_buffer_stall")
int stall_on_buffer(u64 *context)
{
	u64 end = bpf_ktime_get_ns();
	tell_call(JOURNAL, BUFFER_STALL, end - context[1] * 1000000, end, 1, (u32)context[0], -1);
	return 0;
}
