//! Stacks as tracers print them: one frame a line, innermost first, offsets behind a plus sign.

/// Frames of a stack that are kept; what is deeper is no stack.
const MAX_FRAMES: usize = 1024;

/// The frames of a stack in text: one a line or separated by `;`, without `+offset`, without the
/// rule between kernel and user frames.
pub(crate) fn frames_from_text(text: &str) -> Vec<String> {
    text.split(['\n', ';'])
        .filter_map(frame)
        .take(MAX_FRAMES)
        .collect()
}

/// One frame, or none for blank lines and separators.
pub(crate) fn frame(line: &str) -> Option<String> {
    let line = line.trim();
    if line.is_empty() || line == "-" || line == "--" {
        return None;
    }
    let line = numbered(line).unwrap_or(line);
    // Annotations of folded stacks (`_[k]` kernel, `_[j]` compiled, …) are no part of the name.
    let name = match line.rfind("_[") {
        Some(at) if line.len() == at.saturating_add(4) && line.ends_with(']') => {
            line.get(..at).unwrap_or(line)
        }
        _ => line,
    };
    // `name+12`, `name+0x1f`, `name+0x1f/0x40 [module]`; not the plus of `operator+`.
    let name = match name.rsplit_once('+') {
        Some((before, offset)) if !before.is_empty() && is_offset(offset) => before,
        _ => name,
    };
    Some(name.to_owned())
}

/// The frame of `#3  0x7f2a1c pthread_cond_wait+0x1f (/usr/lib/libc.so.6+0x8a)`, as libbpf-tools print it
/// with `-v`. What has no name is `[unknown]`.
fn numbered(line: &str) -> Option<&str> {
    let (number, rest) = line.strip_prefix('#')?.split_once(' ')?;
    let (address, name) = match rest.trim_start().split_once(' ') {
        Some((address, name)) => (address, name.trim()),
        None => (rest.trim_start(), ""),
    };
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number || !address.starts_with("0x") {
        return None;
    }
    // The object behind the name, with its offset.
    let name = match name.rsplit_once('(') {
        Some((before, object)) if object.ends_with(')') && object.contains("+0x") => before.trim(),
        _ => name,
    };
    Some(if name.is_empty() { "[unknown]" } else { name })
}

fn is_offset(text: &str) -> bool {
    let text = text.split([' ', '/']).next().unwrap_or("");
    let digits = text.strip_prefix("0x").unwrap_or(text);
    !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        && text.bytes().any(|byte| byte.is_ascii_digit())
}

/// `off_cpu` when the innermost frames are the scheduler's, otherwise `on_cpu`.
pub(crate) fn state_of(frames: &[String]) -> &'static str {
    let is_scheduler = |frame: &String| {
        matches!(
            frame.split('.').next().unwrap_or(frame),
            "__schedule" | "schedule" | "finish_task_switch" | "schedule_timeout" | "io_schedule"
        )
    };
    // Tracers of the scheduler show their own program above it.
    if frames.iter().take(4).any(is_scheduler) {
        "off_cpu"
    } else {
        "on_cpu"
    }
}

/// Whether a stack has a part in the kernel: it came there by a system call, an interrupt or as a thread of
/// the kernel.
pub(crate) fn is_in_kernel(frames: &[String]) -> bool {
    const ENTRIES: &[&str] = &[
        "entry_SYSCALL",
        "do_syscall_64",
        "x64_sys_call",
        "__x64_sys_",
        "__arm64_sys_",
        "el0_svc",
        "el0t_64_sync",
        "invoke_syscall",
        "asm_",
        "ret_from_fork",
        "kthread",
        "worker_thread",
        "cpu_startup_entry",
        "start_secondary",
        "secondary_startup",
        "do_idle",
        "ksys_",
        "vfs_",
    ];
    frames
        .iter()
        .any(|frame| ENTRIES.iter().any(|entry| frame.starts_with(entry)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_its_function_without_the_offset() {
        let name = |line| frame(line);
        assert_eq!(name("    vfs_write+559").as_deref(), Some("vfs_write"));
        assert_eq!(
            name("ext4_file_write_iter+0x1f/0x40 [ext4]").as_deref(),
            Some("ext4_file_write_iter")
        );
        assert_eq!(name("vfs_write_[k]").as_deref(), Some("vfs_write"));
        assert_eq!(name("Foo::operator+").as_deref(), Some("Foo::operator+"));
        assert_eq!(name("a::b+c").as_deref(), Some("a::b+c"));
        assert_eq!(name("   --").as_deref(), None);
        assert_eq!(
            name("    #0  0xffffffff81a4b2e1 __schedule+0x2e1").as_deref(),
            Some("__schedule")
        );
        assert_eq!(
            name("    #3  0x00007f2a1c2b wait+0x1f (/usr/lib/libc.so.6+0x8a)").as_deref(),
            Some("wait")
        );
        assert_eq!(
            name("    #4  0x00007f2a1c2b (/usr/lib/x.so+0x8a)").as_deref(),
            Some("[unknown]")
        );
        assert_eq!(name("    #5  0x00007f2a1c2b").as_deref(), Some("[unknown]"));
    }

    #[test]
    fn a_stack_in_the_scheduler_is_off_cpu() {
        let frames = frames_from_text("\n    finish_task_switch.isra.0+1\n    __schedule+1560\n");
        assert_eq!(state_of(&frames), "off_cpu");
        assert_eq!(
            state_of(&frames_from_text("vfs_write\nsys_write")),
            "on_cpu"
        );
    }
}
