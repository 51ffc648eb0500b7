//! Names of the kernel's functions by their addresses, as `/proc/kallsyms` has them.

use std::path::PathBuf;

use crate::host::Host;

/// The kernel's functions, read when they are first needed.
#[derive(Debug)]
pub struct Symbols {
    path: PathBuf,
    state: State,
}

#[derive(Debug)]
enum State {
    Unread,
    Read(Functions),
    /// Nobody may know the addresses, or nothing could be read.
    Hidden,
}

/// Functions in the order of their addresses.
#[derive(Debug)]
struct Functions {
    /// Start of a function, and where its name ends in `names`; it begins where the one before ends.
    starts: Vec<(u64, u32)>,
    /// Place in `names` of each function's name.
    names: String,
}

/// A function and how far into it an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Symbol<'a> {
    /// The function's name.
    pub function: &'a str,
    /// Bytes from its start.
    pub offset: u64,
}

/// A function is no longer than this: behind the kernel's last there is no end.
const MAX_FUNCTION_BYTES: u64 = 1 << 20;

impl Symbols {
    /// Those of the running kernel.
    pub fn of_this_kernel() -> Self {
        Self::at(Host::this().symbols_path())
    }

    fn at(path: PathBuf) -> Self {
        Self {
            path,
            state: State::Unread,
        }
    }

    /// The function that a return address is in: a call may be the last instruction of its function, so it is
    /// the byte before that counts.
    pub fn find(&mut self, return_address: u64) -> Option<Symbol<'_>> {
        if matches!(self.state, State::Unread) {
            self.read();
        }
        match &self.state {
            State::Read(functions) => functions.find(return_address),
            _ => None,
        }
    }

    /// Why there are no names, if there are none.
    pub fn missing(&mut self) -> Option<String> {
        if matches!(self.state, State::Unread) {
            self.read();
        }
        matches!(self.state, State::Hidden).then(|| {
            format!(
                "{} shows no addresses, so kernel stacks have no names: the process needs \
                 CAP_SYSLOG, or kernel.kptr_restrict=0",
                self.path.display()
            )
        })
    }

    /// Reads them again: modules may have been loaded since.
    pub fn read(&mut self) {
        let text = std::fs::read_to_string(&self.path).unwrap_or_default();
        let functions = Functions::from_text(&text);
        self.state = match functions.starts.is_empty() {
            true => State::Hidden,
            false => State::Read(functions),
        };
    }
}

impl Functions {
    /// Lines such as `ffffffff81000000 T _stext`, with a module's name in brackets behind.
    fn from_text(text: &str) -> Self {
        let mut found: Vec<(u64, &str)> = text.lines().filter_map(function).collect();
        found.sort_by_key(|&(address, _)| address);
        // Aliases: the first in the file is taken.
        found.dedup_by_key(|&mut (address, _)| address);
        let mut functions = Self {
            starts: Vec::with_capacity(found.len()),
            names: String::new(),
        };
        for (address, name) in found {
            functions.names.push_str(name);
            let end = u32::try_from(functions.names.len()).unwrap_or(u32::MAX);
            functions.starts.push((address, end));
        }
        functions
    }

    fn find(&self, return_address: u64) -> Option<Symbol<'_>> {
        let inside = return_address.checked_sub(1)?;
        let behind = self.starts.partition_point(|&(start, _)| start <= inside);
        let at = behind.checked_sub(1)?;
        let &(start, end) = self.starts.get(at)?;
        let from = match at.checked_sub(1) {
            Some(before) => self.starts.get(before)?.1,
            None => 0,
        };
        let offset = return_address.checked_sub(start)?;
        let range = usize::try_from(from).ok()?..usize::try_from(end).ok()?;
        let function = self.names.get(range)?;
        (offset <= MAX_FUNCTION_BYTES).then_some(Symbol { function, offset })
    }
}

/// A function's address and name, if a line is of one whose address may be known.
fn function(line: &str) -> Option<(u64, &str)> {
    let mut words = line.split_ascii_whitespace();
    let address = u64::from_str_radix(words.next()?, 16).ok()?;
    let is_text = words.next().is_some_and(|kind| "tTwW".contains(kind));
    (address != 0 && is_text).then_some((address, words.next()?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends where its input is wrong")]

    use super::*;

    fn symbols(text: &str) -> Symbols {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kallsyms");
        std::fs::write(&path, text).unwrap();
        let mut symbols = Symbols::at(path);
        symbols.read();
        symbols
    }

    #[test]
    fn an_address_is_in_the_function_that_the_call_before_it_is_in() {
        let mut symbols = symbols(
            "ffffffff81000200 t schedule\nffffffff81000100 T __schedule\nffffffff81000100 T alias\n\
             ffffffff81000180 D some_data\nffffffffc0000000 t jbd2_log_wait_commit\t[jbd2]\n\
             not a line\n",
        );
        let mut find = |address| {
            let symbol = symbols.find(address);
            symbol.map(|s| format!("{}+{}", s.function, s.offset))
        };
        assert_eq!(
            find(0xffff_ffff_8100_0123).as_deref(),
            Some("__schedule+35")
        );
        // A call at the end of a function returns to the next one's first byte.
        assert_eq!(
            find(0xffff_ffff_8100_0200).as_deref(),
            Some("__schedule+256")
        );
        assert_eq!(find(0xffff_ffff_8100_0201).as_deref(), Some("schedule+1"));
        assert_eq!(
            find(0xffff_ffff_c000_0010).as_deref(),
            Some("jbd2_log_wait_commit+16")
        );
        assert_eq!(find(0xffff_ffff_8100_0100), None);
        assert_eq!(find(0xffff_ffff_9000_0000), None);
        assert_eq!(find(0), None);
        assert_eq!(symbols.missing(), None);
    }

    #[test]
    fn addresses_that_are_hidden_give_no_names_and_say_why() {
        let mut symbols = symbols("0000000000000000 T _stext\n0000000000000000 t schedule\n");
        assert_eq!(symbols.find(0x1000), None);
        assert!(symbols.missing().unwrap().contains("CAP_SYSLOG"));
    }
}
