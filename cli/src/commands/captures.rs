//! `--pcap FILE…`, where the files of one occurrence are one capture.
//!
//! Written by hand because clap's derive flattens the occurrences of an option.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, value_parser};

/// The captures, each with its files in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Captures(pub(super) Vec<Vec<PathBuf>>);

impl Args for Captures {
    fn augment_args(command: Command) -> Command {
        command.arg(
            Arg::new("pcap")
                .long("pcap")
                .num_args(1..)
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .action(ArgAction::Append)
                .help(
                    "Packet captures (pcap, pcapng); several files after one --pcap are one rotated capture",
                ),
        )
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Captures {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let occurrences = matches.get_occurrences::<PathBuf>("pcap");
        let captures = occurrences.into_iter().flatten();
        Ok(Self(
            captures.map(|files| files.cloned().collect()).collect(),
        ))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
