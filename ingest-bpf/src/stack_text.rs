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
