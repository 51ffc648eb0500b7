//! The service that runs queries of brokers' parts.
//!
//! ```text
//! GET    /v1?state=STATE                  who it is, and whether it sees its store in that state
//! POST   /v1/SESSION/BROKER/QUERY         runs a query of a part: JSON in, an envelope of rows out
//! PUT    /v1/SESSION/BROKER/QUERY         shows a part rows of a query over several brokers
//! DELETE /v1/SESSION                      nothing more is asked in that session
//! ```
//!
//! `BROKER` is its number, or `unnamed`. An answer that is no success is a text. Every request names the program that asks
//! (`kcorr-program`); one of another is refused. Queries run apart from the service, so that it answers meanwhile.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, BodyDataStream, to_bytes};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use bytes::Bytes;
use datafusion::arrow::array::{Array, ArrayData, RecordBatch};
use datafusion::arrow::buffer::Buffer;
use datafusion::arrow::error::ArrowError;
use futures::stream::{self, StreamExt};
use kcorr_engine::{PartRows, PartSession, SessionOptions, ShownRows};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::access::Access;
use crate::envelope::{Answered, Asked, Envelope, Opened, StepTaken};
use crate::error::{Error, Result};
use crate::identity::{Identity, PROGRAM, program, state_of};
use crate::open_parts::{NoPart, OpenParts};
use crate::room_for_rows::{RoomForRows, RowsHeld};
use crate::server::{BYTES_WITHIN, Server};

/// Rows of queries over several brokers that are taken at a time, from all who show some.
const MOST_SHOWN_BYTES: usize = 1 << 30;
/// What is asked of a part at most.
const MOST_ASKED_BYTES: usize = 4 << 20;

/// A service of one store.
#[derive(Debug, Clone)]
pub struct Worker {
    parts: Arc<OpenParts>,
    access: Arc<Access>,
    store: String,
    run: String,
    shown: RoomForRows,
    /// Where queries run.
    queries: Handle,
}

type Answer = std::result::Result<Response, (StatusCode, String)>;

/// The time between looks at what nobody has asked for a while.
const LOOK_EVERY: Duration = Duration::from_secs(60);

impl Worker {
    /// A worker of the store at a place (a folder or a URL), whose queries run on a runtime of their own.
    pub fn new(place: &FilePath, options: SessionOptions, access: Access, queries: Handle) -> Self {
        Self {
            parts: Arc::new(OpenParts::of(place, options)),
            access: Arc::new(access),
            store: place.display().to_string(),
            run: format!("{:016x}", fastrand::u64(..)),
            shown: RoomForRows::of(MOST_SHOWN_BYTES),
            queries,
        }
    }

    /// Listens on an address; port 0 is any that is free. Answers where, and what answers until it is dropped.
    ///
    /// # Errors
    /// When everybody could ask there, or the address, a certificate or a key cannot be had.
    pub async fn listen(
        self,
        address: SocketAddr,
    ) -> Result<(SocketAddr, impl Future<Output = Infallible>)> {
        self.access.check(address)?;
        let certificate = self.access.certificate.clone();
        let cannot = move |e| Error::Io(format!("cannot listen on {address}"), e);
        let listener = TcpListener::bind(address).await.map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        let parts = Arc::downgrade(&self.parts);
        tokio::spawn(async move {
            // Who asked may have been killed, and nobody else ask.
            while let Some(parts) = parts.upgrade() {
                parts.forget_idle();
                drop(parts);
                tokio::time::sleep(LOOK_EVERY).await;
            }
        });
        let access = Arc::clone(&self.access);
        let server = Server::of(self.router(), move |request| {
            refusal(&access, request.headers())
        });
        Ok((address, server.serve(listener, certificate)))
    }

    fn router(self) -> Router {
        Router::new()
            .route("/v1", get(identity))
            .route("/v1/{session}", delete(end))
            .route("/v1/{session}/{broker}/{query}", post(run).put(show))
            .with_state(self)
    }

    /// Does something where queries run; ends it when nobody waits for it any more.
    async fn apart<T: Send + 'static>(
        &self,
        doing: impl Future<Output = T> + Send + 'static,
    ) -> std::result::Result<T, (StatusCode, String)> {
        let mut task = EndedWithUs(self.queries.spawn(doing));
        let done = (&mut task.0).await;
        done.map_err(|e| failed(format!("it was not done: {e}")))
    }

    /// The part of a session; refuses what was meant for another run.
    async fn part(
        &self,
        session: &str,
        broker: Option<i32>,
        asked: &Asked,
    ) -> std::result::Result<Arc<PartSession>, (StatusCode, String)> {
        if asked.run != self.run {
            let message = "it was started again meanwhile".to_owned();
            return Err((StatusCode::GONE, message));
        }
        let (parts, store) = (Arc::clone(&self.parts), self.store.clone());
        let (session, asked) = (session.to_owned(), asked.clone());
        let part = async move { parts.part(&session, broker, &asked).await };
        self.apart(part).await?.map_err(|no_part| match no_part {
            NoPart::State => (
                StatusCode::CONFLICT,
                format!("the store {store} was changed meanwhile"),
            ),
            NoPart::Forgotten => (
                StatusCode::PRECONDITION_REQUIRED,
                "the session was forgotten".to_owned(),
            ),
            NoPart::TooMany => (
                StatusCode::SERVICE_UNAVAILABLE,
                "too many sessions are open".to_owned(),
            ),
            NoPart::Engine(error) => failed(error.to_string()),
        })
    }
}

/// A task that ends when nobody waits for it.
struct EndedWithUs<T>(JoinHandle<T>);

impl<T> Drop for EndedWithUs<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn failed(message: String) -> (StatusCode, String) {
    (StatusCode::INTERNAL_SERVER_ERROR, message)
}

fn broker_of(name: &str) -> std::result::Result<Option<i32>, (StatusCode, String)> {
    if name == "unnamed" {
        return Ok(None);
    }
    let number = name.parse().map_err(|_| {
        let message = format!("expected a broker's number, found {name}");
        (StatusCode::BAD_REQUEST, message)
    })?;
    Ok(Some(number))
}

/// Whether a host is named by its address, or as this one: a web page cannot ask by a name of its own.
fn is_plain_host(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, port)| {
        let is_port = port.chars().all(|c| c.is_ascii_digit());
        if is_port { name } else { host }
    });
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<std::net::IpAddr>().is_ok()
}

/// What is said to who may not ask.
fn refusal(access: &Access, headers: &HeaderMap) -> Option<Response> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    if !access.allows(text(header::AUTHORIZATION.as_str())) {
        return Some((StatusCode::UNAUTHORIZED, "expected the token").into_response());
    }
    if access.token.is_none() && !is_plain_host(text(header::HOST.as_str()).unwrap_or_default()) {
        let message = "expected an address or localhost as the host";
        return Some((StatusCode::FORBIDDEN, message).into_response());
    }
    let asks = text(PROGRAM).unwrap_or_default();
    (asks != program()).then(|| {
        let message = format!("it is kcorr {}, and was asked by kcorr {asks}", program());
        (StatusCode::PRECONDITION_FAILED, message).into_response()
    })
}

async fn identity(
    State(worker): State<Worker>,
    Query(asked): Query<HashMap<String, String>>,
) -> Answer {
    let state = asked.get("state").cloned();
    let found = match state {
        // Somebody who only wants to know whether it is there.
        None => String::new(),
        Some(state) => {
            let parts = Arc::clone(&worker.parts);
            let seen = tokio::task::spawn_blocking(move || parts.store(&state)).await;
            let seen = seen.map_err(|e| failed(e.to_string()))?;
            state_of(&seen.map_err(|e| failed(e.to_string()))?)
        }
    };
    let identity = Identity {
        program: program(),
        run: worker.run.clone(),
        store: worker.store.clone(),
        state: found,
    };
    Ok(Json(identity).into_response())
}

async fn end(State(worker): State<Worker>, Path(session): Path<String>) -> StatusCode {
    worker.parts.end(&session);
    StatusCode::NO_CONTENT
}

async fn run(
    State(worker): State<Worker>,
    Path((session, broker, query)): Path<(String, String, String)>,
    body: Body,
) -> Answer {
    let bytes = timeout(BYTES_WITHIN, to_bytes(body, MOST_ASKED_BYTES)).await;
    let bytes = bytes.map_err(|_| too_slow())?.map_err(wrong)?;
    let asked: Asked = serde_json::from_slice(&bytes).map_err(wrong)?;
    let part = worker.part(&session, broker_of(&broker)?, &asked).await?;
    let ran = async move { part.run(&query, &asked.given).await };
    let rows = worker.apart(ran).await?;
    let rows = rows.map_err(|e| failed(e.to_string()))?;
    let bytes = envelope(rows).map_err(|e| failed(e.to_string()))?;
    let kind = [(header::CONTENT_TYPE, "application/octet-stream")];
    Ok((kind, bytes).into_response())
}

/// The rows of a query, as they are found.
fn envelope(part: PartRows) -> std::result::Result<Body, ArrowError> {
    let answered = Answered {
        steps: part.steps.iter().map(StepTaken::of).collect(),
    };
    let envelope = Envelope::new(&answered, &part.rows.schema())?;
    let written = stream::unfold(Some((envelope, part.rows)), async |writing| {
        let (mut envelope, mut rows) = writing?;
        let (bytes, goes_on) = match rows.next().await {
            Some(Ok(batch)) => (envelope.add(&batch).map(|()| envelope.take()), true),
            Some(Err(error)) => (Err(ArrowError::from_external_error(error.into())), false),
            None => (envelope.end().map(|()| envelope.take()), false),
        };
        let goes_on = goes_on && bytes.is_ok();
        Some((bytes, goes_on.then_some((envelope, rows))))
    });
    Ok(Body::from_stream(written))
}

async fn show(
    State(worker): State<Worker>,
    Path((session, broker, query)): Path<(String, String, String)>,
    body: Body,
) -> Answer {
    let broker = broker_of(&broker)?;
    let mut coming = Coming {
        bytes: body.into_data_stream(),
        opened: Opened::default(),
        held: worker.shown.nothing(),
        batches: Vec::new(),
    };
    // What is meant for another is known by its head, and none of it is held.
    let asked = coming.head().await?;
    let part = match worker.part(&session, broker, &asked).await {
        Ok(part) => part,
        Err(refused) => {
            coming.pass_over().await?;
            return Err(refused);
        }
    };
    // The part has them once it has shown them: until then they take room here.
    let (shown, _held) = coming.rest(query, asked).await?;
    let showing = async move { part.show(shown).await };
    let shown = worker.apart(showing).await?;
    shown.map_err(|e| failed(e.to_string()))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Rows that somebody shows, as they come.
struct Coming {
    bytes: BodyDataStream,
    opened: Opened,
    held: RowsHeld,
    batches: Vec<RecordBatch>,
}

impl Coming {
    /// What the next bytes bring of the head; false when there are no more.
    async fn next(
        &mut self,
        head: &mut Option<Asked>,
    ) -> std::result::Result<bool, (StatusCode, String)> {
        let bytes = timeout(BYTES_WITHIN, self.bytes.next()).await;
        let Some(bytes) = bytes.map_err(|_| too_slow())? else {
            return Ok(false);
        };
        let bytes: Bytes = bytes.map_err(wrong)?;
        let (found, rows) = self.opened.push::<Asked>(&bytes).map_err(wrong)?;
        if found.is_some() {
            *head = found;
        }
        // What was not compressed lies in what came; what was is held besides.
        let taken = rows.iter().map(bytes_of).sum::<usize>();
        if !self.held.add(bytes.len().saturating_add(taken)) {
            let message = "it is shown too many rows at a time".to_owned();
            return Err((StatusCode::SERVICE_UNAVAILABLE, message));
        }
        self.batches.extend(rows);
        Ok(true)
    }

    /// The head.
    async fn head(&mut self) -> std::result::Result<Asked, (StatusCode, String)> {
        let mut head = None;
        while head.is_none() {
            if !self.next(&mut head).await? {
                return Err(wrong("there is no head"));
            }
        }
        head.ok_or_else(|| wrong("there is no head"))
    }

    /// Reads the rest and leaves it: who still sends does not read why it is not taken.
    async fn pass_over(&mut self) -> std::result::Result<(), (StatusCode, String)> {
        let mut passed = 0;
        while let Some(bytes) = timeout(BYTES_WITHIN, self.bytes.next())
            .await
            .map_err(|_| too_slow())?
        {
            passed += bytes.map_err(wrong)?.len();
            if passed > MOST_SHOWN_BYTES {
                return Err(wrong("too many rows"));
            }
        }
        Ok(())
    }

    /// The rows, when all have come, and the room that they take.
    async fn rest(
        mut self,
        query: String,
        asked: Asked,
    ) -> std::result::Result<(ShownRows, RowsHeld), (StatusCode, String)> {
        while self.next(&mut None).await? {}
        self.opened.end().map_err(wrong)?;
        let schema = self
            .opened
            .schema()
            .ok_or_else(|| wrong("there are no rows"))?;
        let shown = ShownRows {
            query,
            given: asked.given,
            schema,
            batches: self.batches,
        };
        Ok((shown, self.held))
    }
}

/// Bytes of rows, each buffer without what it is a slice of.
fn bytes_of(batch: &RecordBatch) -> usize {
    fn of(data: &ArrayData) -> usize {
        let buffers: usize = data.buffers().iter().map(Buffer::len).sum();
        let nulls = data.nulls().map_or(0, |it| it.buffer().len());
        buffers + nulls + data.child_data().iter().map(of).sum::<usize>()
    }
    let columns = batch.columns().iter();
    columns.map(|column| of(&column.to_data())).sum()
}

fn wrong(what: impl std::fmt::Display) -> (StatusCode, String) {
    (StatusCode::BAD_REQUEST, what.to_string())
}

fn too_slow() -> (StatusCode, String) {
    let message = "no more bytes of the request came".to_owned();
    (StatusCode::REQUEST_TIMEOUT, message)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use datafusion::arrow::array::Int64Array;
    use datafusion::arrow::datatypes::{DataType, Field, Schema};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[test]
    fn a_host_of_a_name_is_not_this_one() {
        for host in ["127.0.0.1:80", "localhost", "[::1]:9", "[::1]", "10.0.0.3"] {
            assert!(is_plain_host(host), "{host}");
        }
        for host in [
            "example.com",
            "127.0.0.1.example.com:80",
            "",
            "localhost.example",
        ] {
            assert!(!is_plain_host(host), "{host}");
        }
    }

    /// What a worker says to a request with a body, of which this much comes.
    async fn shown(length: usize, body: &[u8]) -> String {
        let folder = tempfile::tempdir().expect("a folder");
        let options = SessionOptions::default();
        let worker = Worker::new(folder.path(), options, Access::default(), Handle::current());
        let address = "127.0.0.1:0".parse().expect("an address");
        let (address, answers) = worker.listen(address).await.expect("a worker");
        let answers = tokio::spawn(answers);
        let mut stream = tokio::net::TcpStream::connect(address)
            .await
            .expect("a connection");
        let head = format!(
            "PUT /v1/session/1/follower_waits HTTP/1.1\r\nhost: {address}\r\n{PROGRAM}: {}\r\n\
             content-length: {length}\r\n\r\n",
            program()
        );
        stream.write_all(head.as_bytes()).await.expect("sent");
        stream.write_all(body).await.expect("sent");
        let mut text = vec![0; 4096];
        let read = timeout(BYTES_WITHIN / 2, stream.read(&mut text)).await;
        let count = read.expect("an answer in time").expect("an answer");
        answers.abort();
        String::from_utf8_lossy(&text[..count]).into_owned()
    }

    #[tokio::test]
    async fn what_are_no_rows_is_refused_before_all_of_it_has_come() {
        let text = shown(1 << 30, &[0xff; 64]).await;
        assert!(text.starts_with("HTTP/1.1 400 "), "{text}");
        assert!(text.contains("a head of 4294967295 bytes"), "{text}");
    }

    #[tokio::test]
    async fn rows_for_another_run_of_it_are_refused_when_they_have_come() {
        let asked = Asked {
            run: "another".to_owned(),
            state: String::new(),
            is_fresh: false,
            is_begun: true,
            given: BTreeMap::default(),
        };
        let schema = Schema::new(vec![Field::new("id", DataType::Int64, false)]);
        let mut envelope = Envelope::new(&asked, &schema).expect("an envelope");
        envelope.end().expect("an end");
        let bytes = envelope.take();
        let text = shown(bytes.len(), &bytes).await;
        assert!(text.starts_with("HTTP/1.1 410 "), "{text}");
        assert!(text.ends_with("it was started again meanwhile"), "{text}");
    }

    /// Rows of random numbers, which nothing makes smaller, or of one, as an envelope.
    fn rows_of(count: usize, is_random: bool) -> Vec<u8> {
        let asked = Asked {
            run: String::new(),
            state: String::new(),
            is_fresh: false,
            is_begun: false,
            given: BTreeMap::default(),
        };
        let names = ["a", "b", "c", "d"];
        let fields = names.map(|name| Field::new(name, DataType::Int64, false));
        let schema = Arc::new(Schema::new(fields.to_vec()));
        let columns = names.map(|_| {
            let numbers = (0..count).map(|_| if is_random { fastrand::i64(..) } else { 7 });
            Arc::new(Int64Array::from_iter_values(numbers)) as _
        });
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns.to_vec()).expect("rows");
        let mut envelope = Envelope::new(&asked, &schema).expect("an envelope");
        envelope.add(&batch).expect("rows");
        envelope.end().expect("an end");
        envelope.take().to_vec()
    }

    #[tokio::test]
    async fn rows_take_their_room_until_they_were_shown() {
        let plain_bytes = 4 * 8 * 10_000;
        for is_random in [true, false] {
            let room = RoomForRows::of(usize::MAX);
            let bytes = rows_of(10_000, is_random);
            let mut coming = Coming {
                bytes: Body::from(bytes.clone()).into_data_stream(),
                opened: Opened::default(),
                held: room.nothing(),
                batches: Vec::new(),
            };
            let asked = coming.head().await.expect("a head");
            let (shown, held) = coming.rest("step".to_owned(), asked).await.expect("rows");
            assert_eq!(shown.batches[0].num_rows(), 10_000);
            let taken = room.held_bytes();
            assert!(taken >= plain_bytes, "{taken}");
            // Once as it came, and once more at most, however many columns it has.
            assert!(taken <= bytes.len() + plain_bytes + 4096, "{taken}");
            drop(held);
            assert_eq!(room.held_bytes(), 0);
        }
    }

    #[tokio::test]
    async fn more_rows_than_there_is_room_for_are_refused_while_they_come() {
        let room = RoomForRows::of(100_000);
        let mut coming = Coming {
            bytes: Body::from(rows_of(10_000, false)).into_data_stream(),
            opened: Opened::default(),
            held: room.nothing(),
            batches: Vec::new(),
        };
        // They are few bytes on the way, and 320,000 here.
        let come = async move {
            let asked = coming.head().await?;
            coming.rest("step".to_owned(), asked).await.map(drop)
        };
        let refused = come.await.err();
        let (status, message) = refused.expect("a refusal");
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{message}");
        assert_eq!(room.held_bytes(), 0);
    }
}
