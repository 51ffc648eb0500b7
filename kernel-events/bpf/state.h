// SPDX-License-Identifier: (MIT OR GPL-2.0-only)
// What the programs were told, what they remember of each thread, and how they hand events over.
//
// A layout of an event here is one in src/record.rs. Numbers are of the machine's byte order.
#pragma once

#include "helpers.h"

// Set before the programs are loaded, so the verifier drops what is not asked for.
const volatile u32 target = 0; // the process; 0 is every one
const volatile u32 self = 0; // the recorder, which is never traced
const volatile u32 ticks_a_second = 0; // HZ
const volatile u8 with_file_writes = 0;
const volatile u8 with_file_reads = 0;
const volatile u8 with_network = 0;
const volatile u8 with_xfs_log = 0;
const volatile u8 with_run_queue = 0;
const volatile u8 with_standing = 0;
const volatile u64 file_writes_threshold = 0; // ns, as all of them
const volatile u64 file_reads_threshold = 0;
const volatile u64 journal_threshold = 0;
const volatile u64 xfs_log_threshold = 0;
const volatile u64 run_queue_threshold = 0;
const volatile u64 standing_threshold = 0;
const volatile u64 memory_threshold = 0;
const volatile u64 block_io_threshold = 0;

// The order of `Probe` in src/probe.rs.
enum probe { FILE_WRITES, FILE_READS, JOURNAL, XFS_LOG, RUN_QUEUE, STANDING, MEMORY, NETWORK, BLOCK_IO, PROBES };

enum kind { FILE_OPERATION = 1, CALL, RUN_QUEUE_WAIT, STANDING_STILL, BLOCK_REQUEST, CONNECTION_THREAD };

// What every event begins with.
struct event {
	u32 kind;
	u32 pid;
	u32 tid;
	u32 detail; // which operation, or which function
	u64 start_ns;
	u64 end_ns;
	char comm[16];
};

// The longest name of a file, and its end.
#define NAME_BYTES 256
// Frames of a stack. The tracer's own two come first: they are left out later.
#define FRAMES 18
#define WAKER_FRAMES 14

// What is remembered of a thread. It ends with the thread.
struct thread {
	// The system call on a file that it is in.
	u64 operation_start;
	struct file *file;
	s64 offset;
	u32 operation;
	u32 synchronizes; // fsync, fdatasync or msync
	// Since when it is off the CPU, and how it left.
	u64 off;
	u64 off_switches;
	u32 off_state;
	s32 off_throttled;
	s64 off_stack_bytes; // or what kept the kernel from reading it, negative
	u64 off_stack[FRAMES];
	// Who made it runnable.
	u64 woken;
	u32 waker_tid;
	s32 waker_throttled;
	char waker_comm[16];
	s64 waker_stack_bytes;
	u64 waker_stack[WAKER_FRAMES];
	// Since when it waits for a CPU.
	u64 runnable;
	// The journal.
	u64 commit;
	u64 commit_locking;
	u64 commit_flushing;
	u64 commit_logging;
	u64 fast_commit;
	u64 handle;
	// XFS's log.
	u64 grant;
	u64 reserve;
	u64 fsync;
	u64 force;
	// Memory.
	u64 reclaim;
	u64 group_reclaim;
	u64 compaction;
	u64 fault;
	u32 writes_back;
	u32 fsync_device;
};

struct {
	NUMBER(type, MAP_TASK_STORAGE);
	NUMBER(map_flags, NO_PREALLOC);
	TYPE(key, int);
	TYPE(value, struct thread);
} threads SEC(".maps");

struct {
	NUMBER(type, MAP_RINGBUF);
	NUMBER(max_entries, 1 << 20); // the recorder sets it
} events SEC(".maps");

// Events that found no room, by the probe.
struct {
	NUMBER(type, MAP_PERCPU_ARRAY);
	NUMBER(max_entries, PROBES);
	TYPE(key, u32);
	TYPE(value, u64);
} losses SEC(".maps");

INLINE void lose(u32 probe)
{
	u64 *count = bpf_map_lookup_elem(&losses, &probe);
	if (count)
		*count += 1;
}

INLINE void tell(u32 probe, void *event, u64 size)
{
	// To wake the reader would cost more than the event: it looks by itself, often enough.
	if (bpf_ringbuf_output(&events, event, size, NO_WAKEUP))
		lose(probe);
}

INLINE bool is_of_target(struct task_struct *task)
{
	return target ? task->tgid == target : task->tgid != self;
}

// What is remembered of a thread, from now on if nothing was.
INLINE struct thread *thread_of(struct task_struct *task, u64 or_new)
{
	return bpf_task_storage_get(&threads, task, 0, or_new);
}

INLINE struct thread *this_thread(u64 or_new)
{
	return thread_of(bpf_get_current_task_btf(), or_new);
}

// As `this_thread`, of a thread of the process only.
INLINE struct thread *this_target(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	return is_of_target(task) ? thread_of(task, OR_NEW) : 0;
}

INLINE void begin(struct event *event, u32 kind, u32 detail, u64 start_ns, u64 end_ns)
{
	u64 id = bpf_get_current_pid_tgid();
	event->kind = kind;
	event->pid = id >> 32;
	event->tid = id;
	event->detail = detail;
	event->start_ns = start_ns;
	event->end_ns = end_ns;
	bpf_get_current_comm(event->comm, sizeof(event->comm));
}

INLINE struct file *file_of(struct task_struct *task, u32 descriptor)
{
	struct files_struct *files = task->files;
	struct fdtable *table = READ(files->fdt);
	struct file **places = READ(table->fd);
	struct file *file = 0;
	if (descriptor < READ(table->max_fds))
		bpf_probe_read_kernel(&file, sizeof(file), places + descriptor);
	return file;
}

INLINE u32 file_type(struct file *file)
{
	struct inode *inode = READ(file->f_inode);
	return file ? READ(inode->i_mode) & 0xf000 : 0;
}

#define REGULAR 0x8000
#define SOCKET 0xc000

// A file's name and its directory's, one behind the other, each without an end. Bytes that there are, and
// those that there were to read, which are more only when a name changed meanwhile.
struct names {
	u16 directory_bytes;
	u16 file_bytes;
	u32 directory_length;
	u32 file_length;
	u32 unused;
	char text[2 * NAME_BYTES];
};

INLINE u32 read_names(struct names *names, struct file *file)
{
	struct dentry *dentry = READ(file->f_path.dentry);
	struct dentry *parent = READ(dentry->d_parent);
	names->directory_length = READ(parent->d_name.len);
	names->file_length = READ(dentry->d_name.len);
	u64 directory = bpf_probe_read_kernel_str(names->text, NAME_BYTES, READ(parent->d_name.name));
	directory -= 1; // its end, of which nobody needs to know
	if (directory >= NAME_BYTES)
		directory = 0;
	KEEP(directory);
	directory &= NAME_BYTES - 1;
	u64 name = bpf_probe_read_kernel_str(names->text + directory, NAME_BYTES, READ(dentry->d_name.name));
	name -= 1;
	if (name >= NAME_BYTES)
		name = 0;
	KEEP(name);
	name &= NAME_BYTES - 1;
	names->directory_bytes = directory;
	names->file_bytes = name;
	return directory + name;
}

// A call of one of the kernel's functions.
struct call {
	struct event event;
	u64 device; // the kernel's number
	s64 transaction; // of a journal, or -1
	u64 has_device;
};

// The order of `Function` in src/event.rs.
enum function {
	COMMIT, COMMIT_LOCKING, COMMIT_FLUSHING, COMMIT_LOGGING, FAST_COMMIT, HANDLE, BUFFER_STALL,
	GRANT, RESERVE, XFS_FSYNC, FORCE,
	RECLAIM, GROUP_RECLAIM, COMPACTION, DIRTY, FAULT,
};

INLINE void tell_call(u32 probe, u32 function, u64 start_ns, u64 end_ns, u64 has_device, u64 device, s64 transaction)
{
	struct call call = {};
	begin(&call.event, CALL, function, start_ns, end_ns);
	call.device = device;
	call.transaction = transaction;
	call.has_device = has_device;
	tell(probe, &call, sizeof(call));
}
