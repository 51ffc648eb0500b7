// SPDX-License-Identifier: (MIT OR GPL-2.0-only)
// Requests to block devices, with their time in the queue and on the device. All processes: most writes are
// issued by threads of the kernel.
#pragma once

#include "state.h"

struct known_request {
	u64 queued; // 0 when it was issued directly
	u64 issued;
	u64 sector;
	u32 bytes;
	u32 tid;
	u32 device;
	u32 flags;
	char comm[16];
};

struct {
	NUMBER(type, MAP_HASH);
	NUMBER(max_entries, 16384);
	TYPE(key, u64);
	TYPE(value, struct known_request);
} requests SEC(".maps");

// What a request does, in bits of our own behind the kernel's operation.
#define FLAG_SYNC 0x100
#define FLAG_META 0x200
#define FLAG_FUA 0x400
#define FLAG_PREFLUSH 0x800
#define FLAG_RAHEAD 0x1000
#define FLAG_ATOMIC 0x2000

struct block_request {
	struct event event;
	u64 queued_ns; // or 0
	u64 sector;
	u64 device;
	u32 bytes;
	u32 flags;
};

INLINE u32 bit_of(u32 flags, u64 bit, u32 ours)
{
	return flags >> bit & 1 ? ours : 0;
}

INLINE u32 flags_of(struct request *request)
{
	u32 flags = request->cmd_flags;
	u32 ours = flags & 0xff;
	ours |= bit_of(flags, ENUM_VALUE(enum req_flag_bits, __REQ_SYNC), FLAG_SYNC);
	ours |= bit_of(flags, ENUM_VALUE(enum req_flag_bits, __REQ_META), FLAG_META);
	ours |= bit_of(flags, ENUM_VALUE(enum req_flag_bits, __REQ_FUA), FLAG_FUA);
	ours |= bit_of(flags, ENUM_VALUE(enum req_flag_bits, __REQ_PREFLUSH), FLAG_PREFLUSH);
	ours |= bit_of(flags, ENUM_VALUE(enum req_flag_bits, __REQ_RAHEAD), FLAG_RAHEAD);
	if (ENUM_EXISTS(enum req_flag_bits___6_11, __REQ_ATOMIC))
		ours |= bit_of(flags, ENUM_VALUE(enum req_flag_bits___6_11, __REQ_ATOMIC), FLAG_ATOMIC);
	return ours;
}

INLINE u32 device_of_request(struct request *request)
{
	struct gendisk *disk;
	struct request___5_16 *older = (void *)request;
	if (FIELD_EXISTS(older->rq_disk))
		disk = READ(older->rq_disk);
	else
		disk = READ(request->q->disk);
	return disk ? READ(disk->major) << 20 | READ(disk->first_minor) : 0;
}

SEC("tp_btf/block_rq_insert")
int insert_request(u64 *context)
{
	u64 key = context[0];
	struct known_request known = { .queued = bpf_ktime_get_ns() };
	if (bpf_map_update_elem(&requests, &key, &known, 0))
		lose(BLOCK_IO);
	return 0;
}

SEC("tp_btf/block_rq_issue")
int issue_request(u64 *context)
{
	struct request *request = (void *)context[0];
	u64 key = context[0];
	struct known_request known = {
		.issued = bpf_ktime_get_ns(),
		.tid = bpf_get_current_pid_tgid(),
		.bytes = request->__data_len,
		.device = device_of_request(request),
		.flags = flags_of(request),
		.sector = request->__sector,
	};
	// A command that is no read or write has none.
	if (known.sector == (u64)-1 || (known.flags & 0xff) == 34 || (known.flags & 0xff) == 35)
		known.sector = 0;
	bpf_get_current_comm(known.comm, sizeof(known.comm));
	struct known_request *queued = bpf_map_lookup_elem(&requests, &key);
	if (queued)
		known.queued = queued->queued;
	if (bpf_map_update_elem(&requests, &key, &known, 0))
		lose(BLOCK_IO);
	return 0;
}

// A request that another one takes in ends here.
SEC("tp_btf/block_rq_merge")
int merge_request(u64 *context)
{
	u64 key = context[0];
	bpf_map_delete_elem(&requests, &key);
	return 0;
}

SEC("tp_btf/block_rq_complete")
int complete_request(u64 *context)
{
	u64 key = context[0];
	u64 end = bpf_ktime_get_ns();
	struct known_request *known = bpf_map_lookup_elem(&requests, &key);
	if (!known)
		return 0;
	if (known->issued && end - known->issued >= block_io_threshold) {
		struct block_request told = {
			.event = { .kind = BLOCK_REQUEST, .tid = known->tid, .start_ns = known->issued, .end_ns = end },
			.queued_ns = known->queued,
			.sector = known->sector,
			.device = known->device,
			.bytes = known->bytes,
			.flags = known->flags,
		};
		__builtin_memcpy(told.event.comm, known->comm, sizeof(told.event.comm));
		tell(BLOCK_IO, &told, sizeof(told));
	}
	bpf_map_delete_elem(&requests, &key);
	return 0;
}
