//! Stacks of several kernels, and the class that each has.
#![allow(clippy::unwrap_used, reason = "a test ends where its input is wrong")]

use kcorr_ingest_bpf::kernel_waits::of_stack;

/// Recorded stacks, and calls of the kernels' sources; the file says which is which.
const STACKS: &str = include_str!("../data/kernel-stacks.txt");

/// A stack that is known.
struct Stack {
    class: &'static str,
    kernel: &'static str,
    about: &'static str,
    frames: Vec<&'static str>,
}

fn stacks() -> Vec<Stack> {
    let mut stacks: Vec<Stack> = Vec::new();
    for line in STACKS.lines() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line.starts_with(' ') {
            let stack = stacks.last_mut().unwrap();
            stack.frames.extend(line.split_ascii_whitespace());
            continue;
        }
        let mut words = line.splitn(3, ' ');
        let mut word = || words.next().unwrap();
        let (class, kernel, about) = (word(), word(), word());
        stacks.push(Stack {
            class,
            kernel,
            about,
            frames: Vec::new(),
        });
    }
    stacks
}

#[test]
fn stacks_of_several_kernels_have_the_class_of_their_wait() {
    let stacks = stacks();
    for stack in &stacks {
        let found = of_stack(&stack.frames);
        let is = (stack.kernel, stack.about, found.wait.class);
        assert_eq!(is, (stack.kernel, stack.about, stack.class));
    }
    for kernel in ["5.10", "6.1", "6.12", "6.18"] {
        assert!(
            stacks.iter().any(|stack| stack.kernel == kernel),
            "{kernel}"
        );
    }
}

#[test]
fn a_class_does_not_depend_on_the_frames_that_were_cut_off() {
    for stack in stacks() {
        let found = of_stack(&stack.frames);
        let known_by = stack
            .frames
            .iter()
            .position(|frame| frame.split('.').next() == Some(&found.function));
        let cut = stack.frames.get(..=known_by.unwrap()).unwrap();
        assert_eq!(of_stack(cut).wait, found.wait, "{}", stack.about);
    }
}
