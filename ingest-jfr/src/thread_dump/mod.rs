//! Thread dumps in text: `jstack`, `jcmd Thread.print`, `kill -QUIT`, of JDK 8 to 25.

mod decoder;
mod line;
mod rows;

pub use decoder::ThreadDumpDecoder;
pub use line::recognise_thread_dump;
