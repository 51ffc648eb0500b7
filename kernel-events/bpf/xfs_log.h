// SPDX-License-Identifier: (MIT OR GPL-2.0-only)
// XFS's log: waits for log space, log reservations, and log forces of a sync, which are taken to end with the
// sync (system_calls.h).
#pragma once

#include "state.h"

INLINE u32 device_of_log(struct xlog *log)
{
	return log->l_mp->m_super->s_dev;
}

SEC("tp_btf/xfs_log_grant_sleep")
int sleep_for_grant(u64 *context)
{
	struct thread *thread = this_target();
	if (thread)
		thread->grant = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/xfs_log_grant_wake")
int wake_for_grant(u64 *context)
{
	struct thread *thread = this_thread(OR_NONE);
	if (!thread || !thread->grant)
		return 0;
	u64 end = bpf_ktime_get_ns();
	if (end - thread->grant >= xfs_log_threshold)
		tell_call(XFS_LOG, GRANT, thread->grant, end, 1, device_of_log((void *)context[0]), -1);
	thread->grant = 0;
	return 0;
}

SEC("tp_btf/xfs_log_reserve")
int ask_for_reservation(u64 *context)
{
	struct thread *thread = this_target();
	if (thread)
		thread->reserve = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/xfs_log_reserve_exit")
int have_reservation(u64 *context)
{
	struct thread *thread = this_thread(OR_NONE);
	if (!thread || !thread->reserve)
		return 0;
	u64 end = bpf_ktime_get_ns();
	if (end - thread->reserve >= xfs_log_threshold)
		tell_call(XFS_LOG, RESERVE, thread->reserve, end, 1, device_of_log((void *)context[0]), -1);
	thread->reserve = 0;
	return 0;
}

SEC("tp_btf/xfs_file_fsync")
int sync_file(u64 *context)
{
	struct thread *thread = this_thread(OR_NONE);
	if (!thread || !thread->synchronizes)
		return 0;
	struct xfs_inode *inode = (void *)context[0];
	thread->fsync_device = inode->i_mount->m_super->s_dev;
	thread->fsync = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/xfs_log_force")
int force_log(u64 *context)
{
	struct thread *thread = this_thread(OR_NONE);
	if (thread && thread->fsync)
		thread->force = bpf_ktime_get_ns();
	return 0;
}
