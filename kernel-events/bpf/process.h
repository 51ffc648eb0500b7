// SPDX-License-Identifier: (MIT OR GPL-2.0-only)
// Which process of the host a number inside of a PID namespace means. The kernel's numbers are the host's; those
// that a recorder in a container sees are its namespace's.
#pragma once

#include "state.h"

const volatile u32 namespace_number = 0; // of the namespace, as /proc/self/ns/pid shows it
const volatile u32 process_in_namespace = 0;

// The host's numbers of the process and of the recorder, once they were found.
struct {
	NUMBER(type, MAP_ARRAY);
	NUMBER(max_entries, 2);
	TYPE(key, u32);
	TYPE(value, u32);
} found_processes SEC(".maps");

SEC("iter/task")
int find_process(struct bpf_iter__task *context)
{
	struct task_struct *task = context->task;
	if (!task || task->pid != task->tgid)
		return 0;
	struct pid *number = READ(task->thread_pid);
	u32 level = READ(number->level);
	for (u32 at = 0; at < 32 && at <= level; at++) {
		struct pid_namespace *space = READ(number->numbers[at].ns);
		u32 here = READ(number->numbers[at].nr);
		if (READ(space->ns.inum) != namespace_number)
			continue;
		u32 first = 0, second = 1, of_host = task->tgid;
		if (here == process_in_namespace)
			bpf_map_update_elem(&found_processes, &first, &of_host, 0);
		if (here == self)
			bpf_map_update_elem(&found_processes, &second, &of_host, 0);
	}
	return 0;
}
