// SPDX-License-Identifier: (MIT OR GPL-2.0-only)
// Operations on files, threads that use connections, and syncs of XFS: by the entry to and the exit from
// system calls.
#pragma once

#include "state.h"

// The order of `Operation` in src/event.rs.
enum operation {
	WRITE, WRITEV, PWRITE, PWRITEV, FSYNC, FDATASYNC, MSYNC, READ_CALL, READV, PREAD, PREADV, SENDFILE,
};

// Numbers of system calls on x86-64.
enum number {
	NR_READ = 0, NR_WRITE = 1, NR_PREAD64 = 17, NR_PWRITE64 = 18, NR_READV = 19, NR_WRITEV = 20, NR_MSYNC = 26,
	NR_SENDFILE = 40, NR_SENDTO = 44, NR_RECVFROM = 45, NR_FSYNC = 74, NR_FDATASYNC = 75, NR_PREADV = 295,
	NR_PWRITEV = 296, NR_PREADV2 = 327, NR_PWRITEV2 = 328,
};

struct file_operation {
	struct event event;
	s64 result;
	s64 offset; // of a read or write
	u64 magic; // of the file system
	u64 has_file;
	struct names names;
};

struct {
	NUMBER(type, MAP_PERCPU_ARRAY);
	NUMBER(max_entries, 1);
	TYPE(key, u32);
	TYPE(value, struct file_operation);
} file_operations SEC(".maps");

// A thread and a connection that it used, and when that was told.
struct connection {
	u32 tid;
	u32 peer; // the last four bytes of its address
	u16 peer_port;
	u16 local_port;
};

struct {
	NUMBER(type, MAP_LRU_HASH);
	NUMBER(max_entries, 16384);
	TYPE(key, struct connection);
	TYPE(value, u64);
} connections SEC(".maps");

#define TELL_AGAIN_NS 10000000000ull
#define CONNECTIONS_A_WINDOW 4000

struct window {
	u64 start;
	u64 told;
};

struct {
	NUMBER(type, MAP_ARRAY);
	NUMBER(max_entries, 1);
	TYPE(key, u32);
	TYPE(value, struct window);
} connection_window SEC(".maps");

struct connection_thread {
	struct event event;
	u8 peer[16];
	u8 local[16];
	u16 family;
	u16 peer_port;
	u16 local_port;
	u16 unused;
};

INLINE void use_connection(struct task_struct *task, u32 descriptor)
{
	struct file *file = file_of(task, descriptor);
	if (file_type(file) != SOCKET)
		return;
	struct socket *socket = READ(file->private_data);
	struct sock *sk = READ(socket->sk);
	u16 family = READ(sk->__sk_common.skc_family);
	if (READ(socket->type) != 1 || (family != 2 && family != 10))
		return;
	u16 network_port = READ(sk->__sk_common.skc_dport);
	struct connection key = {
		.tid = task->pid,
		.peer = family == 2 ? READ(sk->__sk_common.skc_daddr)
				    : READ(sk->__sk_common.skc_v6_daddr.in6_u.u6_addr32[3]),
		.peer_port = __builtin_bswap16(network_port),
		.local_port = READ(sk->__sk_common.skc_num),
	};
	u64 now = bpf_ktime_get_ns();
	u64 *told = bpf_map_lookup_elem(&connections, &key);
	if (told && now - *told < TELL_AGAIN_NS)
		return;
	u32 first = 0;
	struct window *window = bpf_map_lookup_elem(&connection_window, &first);
	if (!window)
		return;
	if (now - window->start >= TELL_AGAIN_NS) {
		window->start = now;
		window->told = 0;
	}
	if (window->told >= CONNECTIONS_A_WINDOW)
		return;
	window->told += 1;
	bpf_map_update_elem(&connections, &key, &now, 0);
	struct connection_thread found = {};
	begin(&found.event, CONNECTION_THREAD, 0, now, now);
	found.family = family;
	found.peer_port = key.peer_port;
	found.local_port = key.local_port;
	if (family == 2) {
		bpf_probe_read_kernel(found.peer, 4, &sk->__sk_common.skc_daddr);
		bpf_probe_read_kernel(found.local, 4, &sk->__sk_common.skc_rcv_saddr);
	} else {
		bpf_probe_read_kernel(found.peer, 16, &sk->__sk_common.skc_v6_daddr);
		bpf_probe_read_kernel(found.local, 16, &sk->__sk_common.skc_v6_rcv_saddr);
	}
	tell(NETWORK, &found, sizeof(found));
}

// Regular files only: sockets and pipes are written with the same calls.
INLINE void enter_transfer(struct task_struct *task, struct thread *thread, u32 operation, u32 descriptor, s64 *at)
{
	struct file *file = file_of(task, descriptor);
	if (file_type(file) != REGULAR) {
		thread->operation_start = 0;
		return;
	}
	thread->file = file;
	thread->operation = operation;
	thread->offset = at ? *at : READ(file->f_pos);
	thread->operation_start = bpf_ktime_get_ns();
}

INLINE void enter_sync(struct task_struct *task, struct thread *thread, u32 operation, u32 descriptor)
{
	if (with_file_writes) {
		// The files of a mapping are not looked for.
		thread->file = operation == MSYNC ? 0 : file_of(task, descriptor);
		thread->operation = operation;
		thread->operation_start = bpf_ktime_get_ns();
	}
	if (with_xfs_log) {
		thread->synchronizes = 1;
		thread->fsync = 0;
		thread->force = 0;
	}
}

SEC("tp_btf/sys_enter")
int enter(u64 *context)
{
	struct task_struct *task = bpf_get_current_task_btf();
	if (!is_of_target(task))
		return 0;
	struct pt_regs *registers = (void *)context[0];
	u64 number = context[1];
	bool writes = number == NR_WRITE || number == NR_WRITEV || number == NR_PWRITE64 || number == NR_PWRITEV
		|| number == NR_PWRITEV2;
	bool reads = number == NR_READ || number == NR_READV || number == NR_PREAD64 || number == NR_PREADV
		|| number == NR_PREADV2 || number == NR_SENDFILE;
	bool synchronizes = number == NR_FSYNC || number == NR_FDATASYNC || number == NR_MSYNC;
	bool transfers = (with_file_writes && writes) || (with_file_reads && reads);
	bool connects = with_network && (number == NR_READ || number == NR_READV || number == NR_RECVFROM
		|| number == NR_WRITE || number == NR_WRITEV || number == NR_SENDTO || number == NR_SENDFILE);
	if (!transfers && !connects && !(synchronizes && (with_file_writes || with_xfs_log)))
		return 0;
	// Calls of 32-bit programs have other numbers.
	if ((registers->cs & 0xffff) != 0x33)
		return 0;
	u32 descriptor = registers->di;
	if (connects)
		use_connection(task, descriptor);
	if (!transfers && !synchronizes)
		return 0;
	struct thread *thread = thread_of(task, OR_NEW);
	if (!thread) {
		lose(writes || synchronizes ? FILE_WRITES : FILE_READS);
		return 0;
	}
	// p* calls say where, in their fourth argument: preadv and pwritev in its low half, which is all of it.
	s64 at = registers->r10;
	switch (number) {
	case NR_WRITE:
		enter_transfer(task, thread, WRITE, descriptor, 0);
		break;
	case NR_WRITEV:
		enter_transfer(task, thread, WRITEV, descriptor, 0);
		break;
	case NR_PWRITE64:
		enter_transfer(task, thread, PWRITE, descriptor, &at);
		break;
	case NR_PWRITEV:
	case NR_PWRITEV2:
		enter_transfer(task, thread, PWRITEV, descriptor, at == -1 ? 0 : &at);
		break;
	case NR_READ:
		enter_transfer(task, thread, READ_CALL, descriptor, 0);
		break;
	case NR_READV:
		enter_transfer(task, thread, READV, descriptor, 0);
		break;
	case NR_PREAD64:
		enter_transfer(task, thread, PREAD, descriptor, &at);
		break;
	case NR_PREADV:
	case NR_PREADV2:
		enter_transfer(task, thread, PREADV, descriptor, at == -1 ? 0 : &at);
		break;
	case NR_SENDFILE: {
		// out_fd, in_fd, offset: where to begin, if it is given.
		s64 *given = (s64 *)registers->dx;
		bool is_given = given && !bpf_probe_read_user(&at, sizeof(at), given);
		enter_transfer(task, thread, SENDFILE, registers->si, is_given ? &at : 0);
		break;
	}
	case NR_FSYNC:
		enter_sync(task, thread, FSYNC, descriptor);
		break;
	case NR_FDATASYNC:
		enter_sync(task, thread, FDATASYNC, descriptor);
		break;
	case NR_MSYNC:
		enter_sync(task, thread, MSYNC, descriptor);
		break;
	}
	return 0;
}

INLINE void tell_operation(struct thread *thread, s64 result)
{
	u64 end = bpf_ktime_get_ns();
	u32 operation = thread->operation;
	u32 probe = operation >= READ_CALL ? FILE_READS : FILE_WRITES;
	u64 threshold = operation >= READ_CALL ? file_reads_threshold : file_writes_threshold;
	if (end - thread->operation_start < threshold)
		return;
	u32 first = 0;
	struct file_operation *told = bpf_map_lookup_elem(&file_operations, &first);
	if (!told)
		return;
	struct file *file = thread->file;
	begin(&told->event, FILE_OPERATION, operation, thread->operation_start, end);
	told->result = result;
	told->offset = thread->offset;
	told->has_file = file ? 1 : 0;
	told->magic = 0;
	u64 size = sizeof(*told) - sizeof(told->names.text);
	if (file) {
		struct inode *inode = READ(file->f_inode);
		struct super_block *super = READ(inode->i_sb);
		told->magic = READ(super->s_magic);
		size += read_names(&told->names, file);
	} else {
		told->names.directory_bytes = 0;
		told->names.file_bytes = 0;
	}
	if (size > sizeof(*told))
		return;
	tell(probe, told, size);
}

INLINE void leave_xfs_sync(struct thread *thread)
{
	u64 end = bpf_ktime_get_ns();
	if (thread->fsync && end - thread->fsync >= xfs_log_threshold) {
		tell_call(XFS_LOG, XFS_FSYNC, thread->fsync, end, 1, thread->fsync_device, -1);
		if (thread->force)
			tell_call(XFS_LOG, FORCE, thread->force, end, 1, thread->fsync_device, -1);
	}
	thread->synchronizes = 0;
	thread->fsync = 0;
	thread->force = 0;
}

SEC("tp_btf/sys_exit")
int leave(u64 *context)
{
	struct task_struct *task = bpf_get_current_task_btf();
	if (!is_of_target(task))
		return 0;
	struct thread *thread = thread_of(task, OR_NONE);
	if (!thread)
		return 0;
	if (thread->operation_start) {
		tell_operation(thread, context[1]);
		thread->operation_start = 0;
	}
	if (with_xfs_log && thread->synchronizes)
		leave_xfs_sync(thread);
	return 0;
}
