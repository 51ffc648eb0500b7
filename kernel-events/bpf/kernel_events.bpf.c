// SPDX-License-Identifier: (MIT OR GPL-2.0-only)
// All programs, in one object, because they share what is remembered of a thread. Which of them are loaded the
// loader decides: src/programs.rs.

#include "block_io.h"
#include "journal.h"
#include "memory.h"
#include "process.h"
#include "scheduler.h"
#include "system_calls.h"
#include "xfs_log.h"

// Helpers that read the kernel's memory may be used under the GPL, or a dual licence with it.
char LICENSE[] SEC("license") = "Dual MIT/GPL";
