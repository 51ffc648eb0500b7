//! Brokers' parts of a query on other machines.
//!
//! A store of several brokers has a part of each, which is a store by itself: thread ids, files and locks are a broker's
//! own. What the account computes of such a part can be computed wherever the store can be read. [`Worker`] does so, as
//! a service; [`Workers`] has it done, and is what a session calls [`Elsewhere`](kcorr_engine::Elsewhere).
//!
//! | file | what is in it |
//! |---|---|
//! | `identity` | what two processes must have in common |
//! | `envelope` | rows as bytes: a head in JSON, then an Arrow IPC stream |
//! | `worker`, `open_parts` | the service, and the parts that it has open |
//! | `access`, `server` | who may ask it, how it is reached beyond loopback, and for how long it waits for whom |
//! | `room_for_rows` | how much it takes at a time |
//! | `connection` | one worker, as who asks it sees it |
//! | `workers` | which worker has which broker, and what becomes of those of one that died |
//!
//! What goes to a worker is the name of a canned query and its parameters, over HTTP, and rows of what lays several
//! brokers beside each other; what comes back are rows. It is no plan: how a step is planned depends on which steps below
//! it have rows, and these are where the worker is. A worker reads one store, its own, and runs canned queries only.
//! It is written with what reads object stores anyway (hyper, reqwest, rustls): another stack beside them, such as
//! tonic's, would turn on features with which DataFusion is built anew.

mod access;
mod connection;
mod envelope;
mod error;
mod identity;
mod open_parts;
mod pulse;
mod room_for_rows;
mod server;
mod worker;
mod workers;

pub use access::Access;
pub use error::{Error, Result};
pub use worker::Worker;
pub use workers::{Workers, WorkersOptions};
