// SPDX-License-Identifier: (MIT OR GPL-2.0-only)
// Waits for memory: direct reclaim, compaction, pages that a thread may not dirty yet, and page faults that
// read from a disk.
#pragma once

#include "state.h"

#define BEGINS(name, tracepoint, field) \
	SEC("tp_btf/" tracepoint) \
	int name(u64 *context) \
	{ \
		struct thread *thread = this_target(); \
		if (thread) \
			thread->field = bpf_ktime_get_ns(); \
		return 0; \
	}

INLINE int end_wait(struct thread *thread, u64 *since, u32 function)
{
	u64 end = bpf_ktime_get_ns();
	if (*since && end - *since >= memory_threshold)
		tell_call(MEMORY, function, *since, end, 0, 0, -1);
	*since = 0;
	return 0;
}

#define ENDS(name, section, field, function) \
	SEC(section) \
	int name(u64 *context) \
	{ \
		struct thread *thread = this_thread(OR_NONE); \
		return thread ? end_wait(thread, &thread->field, function) : 0; \
	}

BEGINS(begin_reclaim, "mm_vmscan_direct_reclaim_begin", reclaim)
ENDS(end_reclaim, "tp_btf/mm_vmscan_direct_reclaim_end", reclaim, RECLAIM)
BEGINS(begin_group_reclaim, "mm_vmscan_memcg_reclaim_begin", group_reclaim)
ENDS(end_group_reclaim, "tp_btf/mm_vmscan_memcg_reclaim_end", group_reclaim, GROUP_RECLAIM)
BEGINS(begin_compaction, "mm_compaction_begin", compaction)
ENDS(end_compaction, "tp_btf/mm_compaction_end", compaction, COMPACTION)
// One that is tried again begins anew.
BEGINS(begin_user_fault, "page_fault_user", fault)
BEGINS(begin_kernel_fault, "page_fault_kernel", fault)
// It is known to be major only at its end.
ENDS(end_fault, "perf_event", fault, FAULT)

// Too many pages are dirty. What it pauses for is told before, in ticks, and is 0 or less when there is none. It
// is told as a call from then on, for as long as is told.
INLINE int pause_writer(s64 ticks)
{
	if (ticks <= 0 || !ticks_a_second || !is_of_target(bpf_get_current_task_btf()))
		return 0;
	u64 pause_ns = (u64)ticks * 1000 / ticks_a_second * 1000000;
	u64 now = bpf_ktime_get_ns();
	if (pause_ns && pause_ns >= memory_threshold)
		tell_call(MEMORY, DIRTY, now, now + pause_ns, 0, 0, -1);
	return 0;
}

SEC("tp_btf/balance_dirty_pages")
int balance_dirty(u64 *context)
{
	return pause_writer(context[6]);
}

// Until Linux 6.12 the tracepoint had the limits one by one.
SEC("tp_btf/balance_dirty_pages")
int balance_dirty_6_12(u64 *context)
{
	return pause_writer(context[10]);
}
