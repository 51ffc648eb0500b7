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
                    "Packet captures (pcap, pcapng); several files after one --pcap are one capture, in any order",
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

/// Bytes of a capture file in which its first packet is, whatever headers and secrets come before it.
const BEFORE_THE_SECOND_PACKET: usize = 320 << 10;

/// The files of one capture, by the times of their first packets, and those times: a shell puts `dump.pcap10`
/// before `dump.pcap2`, a ring begins anywhere, and the two directions of a link are two files. What has no time
/// (a pipe, what is no capture) stays where it is, and then there are no times.
pub(super) fn in_order_of_time(paths: &[PathBuf]) -> (Vec<PathBuf>, Vec<i64>) {
    let time = |path: &PathBuf| {
        if !path.is_file() {
            return None;
        }
        let beginning = kcorr_store::input::beginning(path, BEFORE_THE_SECOND_PACKET).ok()?;
        kcorr_ingest_pcap::first_time(&beginning)
    };
    if paths.len() < 2 {
        return (paths.to_vec(), Vec::new());
    }
    let times: Option<Vec<i64>> = paths.iter().map(time).collect();
    let Some(times) = times else {
        return (paths.to_vec(), Vec::new());
    };
    let mut timed: Vec<_> = times.into_iter().zip(paths.iter().cloned()).collect();
    timed.sort_by_key(|(time, _)| *time);
    let (times, paths) = timed.into_iter().unzip();
    (paths, times)
}
