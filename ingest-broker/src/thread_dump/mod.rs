//! Thread dumps in text: `jstack`, `jcmd Thread.print`, `kill -QUIT`, of JDK 8 to 25, alone or in the
//! middle of a console's log, plain or as a collector stores it.

mod decoder;
mod line;
mod losses;
mod prefix;
mod rows;

pub use decoder::{ThreadDumpDecoder, recognise_thread_dump};
