// SPDX-License-Identifier: (MIT OR GPL-2.0-only)
// What is read of the kernel's types: only the fields that are used. Where they are in the running kernel is
// found when the programs are loaded (CO-RE), so neither their order nor what stands between them matters.
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef short s16;
typedef int s32;
typedef long long s64;
typedef _Bool bool;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct qstr {
	u32 len;
	const unsigned char *name;
};

struct super_block {
	u32 s_dev;
	unsigned long s_magic;
};

struct inode {
	u16 i_mode;
	struct super_block *i_sb;
	unsigned long i_ino;
	u32 i_generation;
};

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
};

struct path {
	struct dentry *dentry;
};

struct file {
	void *private_data;
	struct inode *f_inode;
	struct path f_path;
	s64 f_pos;
};

struct fdtable {
	u32 max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

// Only with CONFIG_CFS_BANDWIDTH.
struct cfs_rq {
	s32 throttle_count;
};

struct sched_entity {
	struct cfs_rq *cfs_rq;
};

struct ns_common {
	u32 inum;
};

struct pid_namespace {
	struct ns_common ns;
};

struct upid {
	u32 nr;
	struct pid_namespace *ns;
};

struct pid {
	u32 level;
	struct upid numbers[1];
};

struct task_struct {
	u32 flags;
	s32 exit_state;
	u32 pid;
	u32 tgid;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	unsigned long nvcsw;
	unsigned long nivcsw;
	char comm[16];
	struct files_struct *files;
	struct sched_entity se;
};

// Registers of a system call on x86-64.
struct pt_regs {
	unsigned long r10;
	unsigned long dx;
	unsigned long si;
	unsigned long di;
	unsigned long orig_ax;
	unsigned long cs;
};

struct in6_addr {
	union {
		u8 u6_addr8[16];
		u32 u6_addr32[4];
	} in6_u;
};

struct sock_common {
	u32 skc_daddr;
	u32 skc_rcv_saddr;
	u16 skc_dport;
	u16 skc_num;
	u16 skc_family;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

struct sock {
	struct sock_common __sk_common;
};

struct socket {
	s16 type;
	struct sock *sk;
};

struct block_device {
	u32 bd_dev;
};

typedef struct journal_s {
	struct block_device *j_fs_dev;
} journal_t;

typedef struct transaction_s {
	u32 t_tid;
} transaction_t;

struct xfs_mount {
	struct super_block *m_super;
};

struct xlog {
	struct xfs_mount *l_mp;
};

struct xfs_inode {
	struct xfs_mount *i_mount;
};

struct gendisk {
	s32 major;
	s32 first_minor;
};

struct request_queue {
	struct gendisk *disk;
};

struct request {
	struct request_queue *q;
	u32 cmd_flags;
	u32 __data_len;
	u64 __sector;
};

// Until Linux 5.16 a request itself knew its disk.
struct request___5_16 {
	struct gendisk *rq_disk;
};

struct bpf_iter__task {
	struct task_struct *task;
};

#pragma clang attribute pop

// Bits of a request's flags: their numbers differ between kernels.
enum req_flag_bits {
	__REQ_SYNC = 11,
	__REQ_META = 12,
	__REQ_FUA = 17,
	__REQ_PREFLUSH = 18,
	__REQ_RAHEAD = 19,
};

enum req_flag_bits___6_11 {
	__REQ_ATOMIC = 27,
};

#define PF_KTHREAD 0x00200000
