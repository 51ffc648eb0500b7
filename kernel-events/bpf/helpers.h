// SPDX-License-Identifier: (MIT OR GPL-2.0-only)
// The kernel's helpers for BPF programs that are used, by their numbers in include/uapi/linux/bpf.h, and how
// maps and programs are declared for the loader.
#pragma once

#include "kernel.h"

#define SEC(name) __attribute__((section(name), used))
#define INLINE static __attribute__((always_inline)) inline

// Declares what a map is, as the loader reads it of the object's BTF.
#define NUMBER(name, value) int(*name)[value]
#define TYPE(name, type) typeof(type) *name

enum map_type {
	MAP_HASH = 1,
	MAP_PERCPU_ARRAY = 6,
	MAP_LRU_HASH = 9,
	MAP_RINGBUF = 27,
	MAP_TASK_STORAGE = 29,
	MAP_ARRAY = 2,
};

#define NO_PREALLOC 1
#define NO_WAKEUP 1
#define OR_NONE 0
#define OR_NEW 1

static void *(*const bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*const bpf_map_update_elem)(void *map, const void *key, const void *value, u64 flags) = (void *)2;
static long (*const bpf_map_delete_elem)(void *map, const void *key) = (void *)3;
static u64 (*const bpf_ktime_get_ns)(void) = (void *)5;
static u64 (*const bpf_get_current_pid_tgid)(void) = (void *)14;
static long (*const bpf_get_current_comm)(void *to, u32 size) = (void *)16;
static long (*const bpf_get_stack)(void *context, void *to, u32 size, u64 flags) = (void *)67;
static long (*const bpf_probe_read_user)(void *to, u32 size, const void *from) = (void *)112;
static long (*const bpf_probe_read_kernel)(void *to, u32 size, const void *from) = (void *)113;
static long (*const bpf_probe_read_kernel_str)(void *to, u32 size, const void *from) = (void *)115;
static long (*const bpf_ringbuf_output)(void *ring, void *data, u64 size, u64 flags) = (void *)130;
static void *(*const bpf_task_storage_get)(void *map, struct task_struct *task, void *value, u64 flags) = (void *)156;
static struct task_struct *(*const bpf_get_current_task_btf)(void) = (void *)158;
static struct pt_regs *(*const bpf_task_pt_regs)(struct task_struct *task) = (void *)175;

// A field of the kernel, through pointers that the verifier knows nothing of. 0 where it cannot be read.
#define READ(field) ({ \
	typeof(field) read = 0; \
	bpf_probe_read_kernel(&read, sizeof(read), __builtin_preserve_access_index(&(field))); \
	read; \
})

// What the running kernel has, known when the programs are loaded.
#define FIELD_EXISTS(field) __builtin_preserve_field_info(field, 2)
#define ENUM_EXISTS(type, name) __builtin_preserve_enum_value(*(typeof(type) *)name, 0)
#define ENUM_VALUE(type, name) __builtin_preserve_enum_value(*(typeof(type) *)name, 1)

// Keeps the compiler from deriving a value again in another way, of which the verifier knows no bounds.
#define KEEP(value) asm volatile("" : "+r"(value))
