//! The workers that a session asks: which has which broker, and what becomes of those of one that died.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use kcorr_engine::{Elsewhere, GivenParameters, PartRows, RemotePart, ShownRows};
use kcorr_store::Store;
use reqwest::{Certificate, Client};
use url::Url;

use crate::access::is_loopback;
use crate::connection::{Connection, Shipped, whole};
use crate::envelope::Asked;
use crate::error::{Error, Result};
use crate::identity::{program, state_of};
use crate::server::HEAD_WITHIN;

const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// How workers are asked.
#[derive(Debug, Clone, Default)]
pub struct WorkersOptions {
    /// Their URLs: `http://` on loopback, else `https://`.
    pub urls: Vec<Url>,
    /// Whether what one that died was asked is asked of the others.
    pub retries: bool,
    /// Whether they may be asked without TLS beyond loopback.
    pub is_plaintext: bool,
    /// A file (PEM) of certificates that theirs rest on, besides those that the system trusts.
    pub authority: Option<PathBuf>,
    /// What they are shown: `Authorization: Bearer TOKEN`.
    pub token: Option<String>,
}

/// Workers that run queries of brokers' parts.
#[derive(Debug)]
pub struct Workers {
    connections: Vec<Connection>,
    retries: bool,
    shipped: Arc<Shipped>,
    /// What the user should know of, in the order in which it happened.
    said: Arc<Mutex<Vec<String>>>,
    /// Sessions that were opened, and the workers that know them.
    opened: Mutex<Vec<(String, Vec<Connection>)>>,
    /// Whether any session wanted them.
    are_asked: std::sync::atomic::AtomicBool,
}

impl Workers {
    /// Those of some URLs. Nobody is asked yet.
    ///
    /// # Errors
    /// When there is none, a URL is none of a worker, or one beyond loopback is without TLS.
    pub fn new(options: WorkersOptions) -> Result<Self> {
        if options.urls.is_empty() {
            return Err(Error::Refused("there is no worker to ask".to_owned()));
        }
        for url in &options.urls {
            check(url, options.is_plaintext)?;
        }
        let mut client = Client::builder()
            .connect_timeout(CONNECT_WITHIN)
            .tcp_keepalive(Duration::from_secs(15))
            // A worker closes what says nothing for long: none is used again shortly before.
            .pool_idle_timeout(HEAD_WITHIN / 2)
            // What a worker tells is its own, and no other's.
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy();
        if let Some(file) = &options.authority {
            for certificate in authorities(file)? {
                client = client.add_root_certificate(certificate);
            }
        }
        let client = client.build().map_err(|e| Error::Refused(e.to_string()))?;
        let shipped = Arc::<Shipped>::default();
        let connection = |url| {
            let (client, token) = (client.clone(), options.token.clone());
            Connection::new(client, url, token, Arc::clone(&shipped))
        };
        Ok(Self {
            connections: options.urls.into_iter().map(connection).collect(),
            retries: options.retries,
            shipped,
            said: Arc::default(),
            opened: Mutex::default(),
            are_asked: std::sync::atomic::AtomicBool::new(false),
        })
    }

    /// Tells workers that nothing more is asked: they let go of what they hold for the sessions that were opened,
    /// which otherwise they do after a while.
    pub async fn end(&self) {
        let opened = {
            let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *opened)
        };
        let ends = opened
            .iter()
            .flat_map(|(session, workers)| workers.iter().map(|worker| worker.end(session)));
        join_all(ends).await;
    }

    /// How many bytes were sent to workers, and received of them: what was asked, and rows.
    pub fn shipped_bytes(&self) -> (u64, u64) {
        let of = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
        (of(&self.shipped.sent), of(&self.shipped.received))
    }

    /// Whether a session asked them, as one of a store of several brokers does.
    pub fn are_asked(&self) -> bool {
        self.are_asked.load(Ordering::Relaxed)
    }

    /// What the user should know of that happened since this was asked last: workers that did not answer, and who
    /// does their part.
    pub fn take_said(&self) -> Vec<String> {
        std::mem::take(&mut self.said.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Asks all who they are. Of those that do not answer, the first is an error unless others may do its part.
    async fn met(&self, store: &Store) -> Result<Vec<Met>> {
        let state = state_of(store);
        let asked = self
            .connections
            .iter()
            .map(|worker| worker.identity(&state));
        let mut met = Vec::new();
        for (worker, identity) in self.connections.iter().zip(join_all(asked).await) {
            let identity = match identity {
                Ok(identity) => identity,
                Err(error) if self.retries && error.is_lost() => {
                    self.say(format!("{error}; it is left out"));
                    continue;
                }
                Err(error) => return Err(error),
            };
            let says = |message: String| Error::Said {
                worker: worker.name(),
                message,
            };
            if identity.program != program() {
                return Err(says(format!(
                    "it is kcorr {}, and this is kcorr {}",
                    identity.program,
                    program()
                )));
            }
            if identity.state != state {
                return Err(says(format!(
                    "its store, {}, is not {} as it is here: they are two stores, or it was changed meanwhile",
                    identity.store,
                    store.name()
                )));
            }
            met.push(Met {
                worker: worker.clone(),
                run: identity.run,
            });
        }
        if met.is_empty() {
            return Err(Error::Refused("no worker answers".to_owned()));
        }
        Ok(met)
    }

    fn say(&self, text: String) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.push(text);
    }
}

/// Refuses a URL that is none of a worker.
fn check(url: &Url, is_plaintext: bool) -> Result<()> {
    if !url.username().is_empty() || url.password().is_some() {
        let message = "a worker's URL has no user and no password: give --workers-token-file";
        return Err(Error::Refused(message.to_owned()));
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(url) || is_plaintext => Ok(()),
        "http" => Err(Error::Refused(format!(
            "{url} is beyond loopback and without TLS, so that rows would cross the network for all to read: name it by \
             https://, or say --workers-plaintext"
        ))),
        _ => Err(Error::Refused(format!(
            "{url} is no URL of a worker: expected http://127.0.0.1:PORT or https://HOST:PORT"
        ))),
    }
}

fn authorities(file: &Path) -> Result<Vec<Certificate>> {
    let cannot = |e| Error::Io(format!("cannot read {}", file.display()), e);
    let text = std::fs::read(file).map_err(cannot)?;
    let wrong = |why: String| Error::Refused(format!("{}: {why}", file.display()));
    let read = Certificate::from_pem_bundle(&text).map_err(|e| wrong(e.to_string()))?;
    if read.is_empty() {
        return Err(wrong("there is no certificate in it".to_owned()));
    }
    Ok(read)
}

/// A worker that answered.
#[derive(Debug, Clone)]
struct Met {
    worker: Connection,
    run: String,
}

/// What the parts of a session have in common.
#[derive(Debug)]
struct Asking {
    /// How workers know the session.
    session: String,
    state: String,
    is_fresh: bool,
    /// The workers that are there.
    met: Mutex<Vec<Met>>,
    retries: bool,
    said: Arc<Mutex<Vec<String>>>,
}

impl Asking {
    /// Leaves out a worker that did not answer; who does its part, or why nobody does.
    fn instead_of(&self, lost: &Met, broker: &str, error: Error) -> Result<Met> {
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        met.retain(|met| met.worker.name() != lost.worker.name());
        // Those of one worker do not all go to the same other.
        let count = met.len().max(1);
        let place = broker.bytes().map(usize::from).sum::<usize>() % count;
        let Some(other) = met.get(place).cloned().filter(|_| self.retries) else {
            return Err(error);
        };
        drop(met);
        let text = format!(
            "{error}; {} does the part of broker {broker} instead",
            other.worker.name()
        );
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.push(text);
        Ok(other)
    }
}

/// A broker's part, at the worker that has it.
#[derive(Debug)]
struct WorkerPart {
    asking: Arc<Asking>,
    broker: String,
    at: tokio::sync::Mutex<At>,
}

/// Where a part is, and what it was shown there: another worker is shown the same.
#[derive(Debug)]
struct At {
    met: Met,
    /// Whether it was asked there.
    is_begun: bool,
    shown: Vec<ShownRows>,
}

impl WorkerPart {
    fn asked(&self, at: &At) -> Asked {
        Asked {
            run: at.met.run.clone(),
            state: self.asking.state.clone(),
            is_fresh: self.asking.is_fresh,
            is_begun: at.is_begun,
            given: GivenParameters::new(),
        }
    }

    /// Shows the part all that it was shown, where it is.
    async fn show_again(&self, at: &mut At) -> Result<()> {
        at.is_begun = false;
        for shown in &at.shown {
            let (session, asked) = (&self.asking.session, self.asked(at));
            let showing = at.met.worker.show(session, &self.broker, &asked, shown);
            showing.await?;
            at.is_begun = true;
        }
        Ok(())
    }

    /// Lets the part be asked again what failed: where it is, if it was only forgotten, or else at another worker.
    async fn go_on(&self, at: &mut At, error: Error) -> Result<()> {
        let mut error = error;
        loop {
            if error.is_lost() {
                at.met = self.asking.instead_of(&at.met, &self.broker, error)?;
            } else if !matches!(error, Error::Forgotten { .. }) {
                return Err(error);
            }
            match self.show_again(at).await {
                Ok(()) => return Ok(()),
                Err(again) => error = again,
            }
        }
    }

    /// Runs a query at the worker; to its end, so that another can still do it, if there is one.
    async fn run_there(&self, at: &At, query: &str, given: &GivenParameters) -> Result<PartRows> {
        let (session, asked) = (&self.asking.session, self.asked(at));
        let worker = &at.met.worker;
        let mut part = worker
            .run(session, &self.broker, query, &asked, given)
            .await?;
        if self.asking.retries {
            part.rows = whole(worker, part.rows).await?;
        }
        Ok(part)
    }
}

#[async_trait]
impl RemotePart for WorkerPart {
    async fn show(&self, shown: ShownRows) -> kcorr_engine::Result<()> {
        let mut at = self.at.lock().await;
        at.shown.retain(|other| other.query != shown.query);
        let (session, asked) = (&self.asking.session, self.asked(&at));
        let showing = at.met.worker.show(session, &self.broker, &asked, &shown);
        let showed = showing.await;
        at.shown.push(shown);
        match showed {
            Ok(()) => at.is_begun = true,
            Err(error) => self.go_on(&mut at, error).await?,
        }
        Ok(())
    }

    async fn run(
        &self,
        query: &'static str,
        given: &GivenParameters,
    ) -> kcorr_engine::Result<PartRows> {
        let mut at = self.at.lock().await;
        loop {
            match self.run_there(&at, query, given).await {
                Ok(part) => {
                    at.is_begun = true;
                    return Ok(part);
                }
                Err(error) => self.go_on(&mut at, error).await?,
            }
        }
    }
}

#[async_trait]
impl Elsewhere for Workers {
    async fn open(
        &self,
        store: &Store,
        brokers: &[Option<i32>],
        is_fresh: bool,
    ) -> kcorr_engine::Result<Vec<Arc<dyn RemotePart>>> {
        self.are_asked.store(true, Ordering::Relaxed);
        let met = self.met(store).await?;
        let bytes: Vec<u64> = brokers
            .iter()
            .map(|broker| bytes_of(store, *broker))
            .collect();
        let places = shared_out(&bytes, met.len());
        let session = format!("{:032x}", fastrand::u128(..));
        let know = met.iter().map(|met| met.worker.clone()).collect();
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.push((session.clone(), know));
        drop(opened);
        let asking = Arc::new(Asking {
            session,
            state: state_of(store),
            is_fresh,
            met: Mutex::new(met.clone()),
            retries: self.retries,
            said: Arc::clone(&self.said),
        });
        let parts = brokers.iter().zip(places).filter_map(|(broker, place)| {
            let part: Arc<dyn RemotePart> = Arc::new(WorkerPart {
                asking: Arc::clone(&asking),
                broker: broker.map_or("unnamed".to_owned(), |broker| broker.to_string()),
                at: tokio::sync::Mutex::new(At {
                    met: met.get(place)?.clone(),
                    is_begun: false,
                    shown: Vec::new(),
                }),
            });
            Some(part)
        });
        Ok(parts.collect())
    }
}

/// Bytes of the files of a broker's part.
fn bytes_of(store: &Store, broker: Option<i32>) -> u64 {
    let part = store.of_broker(broker);
    part.manifest().files().map(|file| file.size_bytes).sum()
}

/// A worker's place for each part: the largest first, each to the one with the least so far.
fn shared_out(bytes: &[u64], workers: usize) -> Vec<usize> {
    let mut load = vec![0_u64; workers];
    let mut places = vec![0; bytes.len()];
    let mut order: Vec<usize> = (0..bytes.len()).collect();
    order.sort_by_key(|&part| (std::cmp::Reverse(bytes[part]), part));
    for part in order {
        let least = (0..workers).min_by_key(|&worker| (load[worker], worker));
        let least = least.unwrap_or(0);
        load[least] += bytes[part].max(1);
        places[part] = least;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brokers_are_shared_out_by_their_bytes() {
        assert_eq!(shared_out(&[5, 5, 5], 3), [0, 1, 2]);
        assert_eq!(shared_out(&[1, 9, 1, 1], 2), [1, 0, 1, 1]);
        assert_eq!(shared_out(&[0, 0, 0, 0], 2), [0, 1, 0, 1]);
        assert_eq!(shared_out(&[3, 4], 1), [0, 0]);
    }

    #[test]
    fn beyond_loopback_workers_are_asked_by_tls() {
        let of = |url: &str, is_plaintext| {
            Workers::new(WorkersOptions {
                urls: vec![Url::parse(url).expect("a URL")],
                is_plaintext,
                ..WorkersOptions::default()
            })
        };
        for (url, is_plaintext, is_allowed) in [
            ("http://127.0.0.1:7000", false, true),
            ("http://[::1]:7000", false, true),
            ("http://localhost:7000", false, true),
            ("http://10.0.0.1:7000", false, false),
            ("http://127.example.com:7000", false, false),
            ("http://10.0.0.1:7000", true, true),
            ("https://10.0.0.1:7000", false, true),
            ("https://me:secret@10.0.0.1:7000", false, false),
            ("ftp://10.0.0.1", true, false),
        ] {
            let workers = of(url, is_plaintext);
            assert_eq!(workers.is_ok(), is_allowed, "{url}: {workers:?}");
            if let Err(error) = workers {
                assert!(!error.to_string().contains("secret"), "{error}");
            }
        }
    }
}
