// SPDX-License-Identifier: (MIT OR GPL-2.0-only)
// Stretches in which threads did not run, and their waits for a CPU.
//
// To be cheap no stack is taken where the call says it all: an interruptible wait in futex, epoll, poll, select or
// sleep, and a thread that is runnable. (The kernel reads the stack of a thread that sleeps, too, when it comes back
// after long, but leaves out functions of the scheduler, which are those that tell a mutex from a semaphore.)
#pragma once

#include "state.h"
#include "system_calls.h"

struct standing {
	struct event event; // from 0 when it ran unseen in between
	u64 woken_ns; // 0 when that was not seen
	s64 call; // the system call, or -1
	u64 argument; // its first
	u64 device; // of its file
	u64 inode;
	u64 generation;
	u32 state;
	u32 is_timed;
	s32 throttled; // how often its group had no CPU time, or -1
	u32 waker_tid;
	u32 ran_tid;
	u32 unused;
	char waker_comm[16];
	char ran_comm[16];
	s64 stack_bytes; // or what kept the kernel from reading it, negative
	s64 waker_stack_bytes;
	u64 stack[FRAMES];
	u64 waker_stack[WAKER_FRAMES];
	struct names names;
};

struct {
	NUMBER(type, MAP_PERCPU_ARRAY);
	NUMBER(max_entries, 1);
	TYPE(key, u32);
	TYPE(value, struct standing);
} standings SEC(".maps");

#define RUNNABLE(state) (((state) & 0xff) == 0)
#define DEAD(state) ((state) & 0x30)
#define INTERRUPTIBLE 1

// A thread's state as the tracepoint sched:sched_switch prints it (__task_state_index in the kernel).
INLINE u32 state_of(bool is_preempted, u32 state, u32 exit_state)
{
	if (is_preempted)
		return 0x100;
	if ((state & 0x402) == 0x402) // idle: uninterruptible, and not part of the load
		return 0x80;
	if (state & 0x1000) // a lock that can sleep
		return 2;
	u32 reported = (state | exit_state) & 0x7f;
	// The highest bit of them.
	reported |= reported >> 1;
	reported |= reported >> 2;
	reported |= reported >> 4;
	return reported - (reported >> 1);
}

INLINE s32 throttled_of(struct task_struct *task)
{
	struct cfs_rq *queue = task->se.cfs_rq;
	if (!FIELD_EXISTS(queue->throttle_count))
		return -1;
	return READ(queue->throttle_count) > 0;
}

// The kernel's threads that write for others: the journals' and XFS's. Workers are known by `writes_back`.
INLINE bool is_writer(struct task_struct *task)
{
	if (!(task->flags & PF_KTHREAD))
		return 0;
	const char *c = task->comm;
	return (c[0] == 'j' && c[1] == 'b' && c[2] == 'd' && c[3] == '2' && c[4] == '/')
		|| (c[0] == 'x' && c[1] == 'f' && c[2] == 's' && c[3] == 'a' && c[4] == 'i' && c[5] == 'l'
			&& c[6] == 'd' && c[7] == '/');
}

// Calls that say what an interruptible wait in them is for: futex, epoll, poll, select, sleep.
INLINE bool tells_all(s64 call)
{
	return call == 202 || call == 232 || call == 281 || call == 441 || call == 7 || call == 271 || call == 23
		|| call == 270 || call == 35 || call == 230;
}

// Calls whose first argument is a file: read to writev, fsync, ftruncate, fallocate, …; sendfile's second is
// what it reads.
INLINE bool has_file(s64 call)
{
	return (call >= 0 && call <= 1) || (call >= 17 && call <= 20) || call == 40 || (call >= 74 && call <= 77)
		|| call == 277 || call == 285 || call == 295 || call == 296 || call == 326;
}

// The system call that a thread is in, or -1. The kernel's own threads have no registers of a user.
INLINE s64 call_of(struct task_struct *task)
{
	struct pt_regs *registers = bpf_task_pt_regs(task);
	return (registers->cs & 0xffff) == 0x33 ? (s64)registers->orig_ax : -1;
}

INLINE void tell_standing(struct thread *thread, struct task_struct *task, struct task_struct *ran, u64 now)
{
	u32 first = 0;
	struct standing *told = bpf_map_lookup_elem(&standings, &first);
	if (!told)
		return;
	told->event.kind = STANDING_STILL;
	told->event.pid = task->tgid;
	told->event.tid = task->pid;
	told->event.detail = 0;
	// A switch that no program saw: the thread may have run meanwhile.
	told->event.start_ns = task->nvcsw + task->nivcsw == thread->off_switches ? thread->off : 0;
	told->event.end_ns = now;
	__builtin_memcpy(told->event.comm, task->comm, sizeof(told->event.comm));
	told->ran_tid = ran->pid;
	__builtin_memcpy(told->ran_comm, ran->comm, sizeof(told->ran_comm));
	told->woken_ns = thread->woken;
	told->waker_tid = thread->waker_tid;
	__builtin_memcpy(told->waker_comm, thread->waker_comm, sizeof(told->waker_comm));
	told->state = thread->off_state;
	told->throttled = thread->off_throttled;
	if (thread->woken && thread->waker_throttled > 0)
		told->throttled = thread->waker_throttled;
	told->waker_stack_bytes = 0;
	if (thread->woken && thread->waker_stack_bytes > 0) {
		told->waker_stack_bytes = thread->waker_stack_bytes;
		__builtin_memcpy(told->waker_stack, thread->waker_stack, sizeof(told->waker_stack));
	}
	s64 call = call_of(task);
	told->call = call;
	told->argument = 0;
	told->is_timed = 0;
	told->device = 0;
	told->inode = 0;
	told->generation = 0;
	told->names.directory_bytes = 0;
	told->names.file_bytes = 0;
	u64 size = sizeof(*told) - sizeof(told->names.text);
	if (call != -1) {
		struct pt_regs *registers = bpf_task_pt_regs(task);
		told->argument = registers->di;
		// The fourth argument of futex is how long to wait.
		told->is_timed = call == 202 && registers->r10 != 0;
		if (has_file(call)) {
			struct file *file = file_of(task, call == 40 ? registers->si : registers->di);
			if (file_type(file) == REGULAR) {
				struct inode *inode = READ(file->f_inode);
				struct super_block *super = READ(inode->i_sb);
				told->device = READ(super->s_dev);
				told->inode = READ(inode->i_ino);
				told->generation = READ(inode->i_generation);
				size += read_names(&told->names, file);
			}
		}
	}
	told->stack_bytes = 0;
	if (thread->off_stack_bytes > 0) {
		told->stack_bytes = thread->off_stack_bytes;
		__builtin_memcpy(told->stack, thread->off_stack, sizeof(told->stack));
	}
	if (size > sizeof(*told))
		return;
	tell(STANDING, told, size);
}

INLINE void leave_cpu(u64 *context, struct task_struct *task, bool is_preempted, u32 task_state, u64 now)
{
	bool is_target = is_of_target(task);
	if (task->pid == 0 || (!is_target && !(with_standing && task->flags & PF_KTHREAD)))
		return;
	bool is_remembered = is_target || is_writer(task);
	struct thread *thread = thread_of(task, is_remembered ? OR_NEW : OR_NONE);
	if (!thread) {
		if (is_remembered && with_standing)
			lose(STANDING);
		if (is_target && with_run_queue)
			lose(RUN_QUEUE);
		return;
	}
	u32 state = state_of(is_preempted, task_state, task->exit_state);
	if (with_standing && (is_remembered || thread->writes_back)) {
		thread->off = DEAD(state) ? 0 : now;
		thread->off_state = state;
		thread->off_switches = task->nvcsw + task->nivcsw;
		thread->off_throttled = RUNNABLE(state) ? throttled_of(task) : 0;
		thread->woken = 0;
		thread->off_stack_bytes = 0;
		if (!RUNNABLE(state) && !DEAD(state) && !(state == INTERRUPTIBLE && tells_all(call_of(task))))
			thread->off_stack_bytes = bpf_get_stack(context, thread->off_stack, sizeof(thread->off_stack), 0);
	}
	// What sleeps waits for no CPU, even if it was woken while it ran.
	if (with_run_queue && is_target)
		thread->runnable = RUNNABLE(state) && !DEAD(state) ? now : 0;
}

INLINE void come_back(struct task_struct *task, struct task_struct *ran, u64 now)
{
	if (task->pid == 0 || (!is_of_target(task) && !(with_standing && task->flags & PF_KTHREAD)))
		return;
	struct thread *thread = thread_of(task, OR_NONE);
	if (!thread)
		return;
	if (with_standing && thread->off) {
		if (now - thread->off >= standing_threshold)
			tell_standing(thread, task, ran, now);
		thread->off = 0;
	}
	if (with_run_queue && thread->runnable) {
		if (now - thread->runnable >= run_queue_threshold) {
			struct event event = {
				.kind = RUN_QUEUE_WAIT,
				.pid = task->tgid,
				.tid = task->pid,
				.start_ns = thread->runnable,
				.end_ns = now,
			};
			__builtin_memcpy(event.comm, task->comm, sizeof(event.comm));
			tell(RUN_QUEUE, &event, sizeof(event));
		}
		thread->runnable = 0;
	}
}

SEC("tp_btf/sched_switch")
int change(u64 *context)
{
	u64 now = bpf_ktime_get_ns();
	struct task_struct *task = (void *)context[1];
	struct task_struct *next = (void *)context[2];
	leave_cpu(context, task, context[0], context[3], now);
	come_back(next, task, now);
	return 0;
}

// Until Linux 5.17 the tracepoint had no state: the task's own may have changed since.
struct task_struct___5_14 {
	u32 __state;
} __attribute__((preserve_access_index));

SEC("tp_btf/sched_switch")
int change_5_17(u64 *context)
{
	u64 now = bpf_ktime_get_ns();
	struct task_struct *task = (void *)context[1];
	struct task_struct *next = (void *)context[2];
	leave_cpu(context, task, context[0], ((struct task_struct___5_14 *)task)->__state, now);
	come_back(next, task, now);
	return 0;
}

SEC("tp_btf/sched_waking")
int wake(u64 *context)
{
	struct task_struct *task = (void *)context[0];
	if (!is_of_target(task) && !(task->flags & PF_KTHREAD))
		return 0;
	struct thread *thread = thread_of(task, OR_NONE);
	if (!thread || !thread->off)
		return 0;
	u64 now = bpf_ktime_get_ns();
	thread->woken = now;
	thread->waker_tid = bpf_get_current_pid_tgid();
	bpf_get_current_comm(thread->waker_comm, sizeof(thread->waker_comm));
	thread->waker_stack_bytes = 0;
	thread->waker_throttled = 0;
	if (now - thread->off < standing_threshold)
		return 0;
	thread->waker_throttled = throttled_of(task);
	// The idle thread wakes nobody: that is an interrupt.
	if (thread->waker_tid != 0)
		thread->waker_stack_bytes = bpf_get_stack(context, thread->waker_stack, sizeof(thread->waker_stack), 0);
	return 0;
}

INLINE int make_runnable(struct task_struct *task)
{
	if (!is_of_target(task))
		return 0;
	struct thread *thread = thread_of(task, OR_NEW);
	if (thread)
		thread->runnable = bpf_ktime_get_ns();
	else
		lose(RUN_QUEUE);
	return 0;
}

SEC("tp_btf/sched_wakeup")
int wake_up(u64 *context)
{
	return make_runnable((void *)context[0]);
}

SEC("tp_btf/sched_wakeup_new")
int wake_up_new(u64 *context)
{
	return make_runnable((void *)context[0]);
}

// A worker of the kernel writes for others between these two.
SEC("tp_btf/writeback_start")
int start_writing_back(u64 *context)
{
	struct thread *thread = this_thread(OR_NEW);
	if (thread)
		thread->writes_back = 1;
	return 0;
}

SEC("tp_btf/writeback_written")
int end_writing_back(u64 *context)
{
	struct thread *thread = this_thread(OR_NONE);
	if (thread && thread->writes_back) {
		thread->writes_back = 0;
		thread->off = 0;
	}
	return 0;
}
