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
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use bytes::Bytes;
use datafusion::arrow::error::ArrowError;
use futures::stream::{self, StreamExt};
use kcorr_engine::{PartRows, SessionOptions, ShownRows};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::access::Access;
use crate::envelope::{Answered, Asked, Envelope, Opened, StepTaken};
use crate::error::{Error, Result};
use crate::identity::{Identity, PROGRAM, program, state_of};
use crate::open_parts::{NoPart, OpenParts};
use crate::tls_listener::TlsListener;

/// Rows of queries over several brokers that are taken at a time.
const MOST_SHOWN_BYTES: usize = 1 << 30;

/// A service of one store.
#[derive(Debug, Clone)]
pub struct Worker {
    parts: Arc<OpenParts>,
    access: Arc<Access>,
    store: String,
    run: String,
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
    ) -> Result<(SocketAddr, impl Future<Output = Result<()>>)> {
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
        let router = self.router();
        let answers = async move {
            let ended = match certificate {
                None => axum::serve(listener, router).await,
                Some(certificate) => {
                    let listener = TlsListener::new(listener, certificate).map_err(cannot)?;
                    axum::serve(listener, router).await
                }
            };
            ended.map_err(cannot)
        };
        Ok((address, answers))
    }

    fn router(self) -> Router {
        Router::new()
            .route("/v1", get(identity))
            .route("/v1/{session}", delete(end))
            .route("/v1/{session}/{broker}/{query}", post(run).put(show))
            .layer(from_fn_with_state(self.clone(), admit))
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
    ) -> std::result::Result<Arc<kcorr_engine::PartSession>, (StatusCode, String)> {
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

/// Lets a request pass that may be answered.
async fn admit(State(worker): State<Worker>, request: Request, next: Next) -> Response {
    let text = |headers: &HeaderMap, name: &str| {
        let value = headers.get(name)?.to_str().ok()?;
        Some(value.to_owned())
    };
    let headers = request.headers();
    let shown = text(headers, header::AUTHORIZATION.as_str());
    if !worker.access.allows(shown.as_deref()) {
        return (StatusCode::UNAUTHORIZED, "expected the token").into_response();
    }
    let host = text(headers, header::HOST.as_str()).unwrap_or_default();
    if worker.access.token.is_none() && !is_plain_host(&host) {
        let message = "expected an address or localhost as the host";
        return (StatusCode::FORBIDDEN, message).into_response();
    }
    let asks = text(headers, PROGRAM).unwrap_or_default();
    if asks != program() {
        let message = format!("it is kcorr {}, and was asked by kcorr {asks}", program());
        return (StatusCode::PRECONDITION_FAILED, message).into_response();
    }
    next.run(request).await
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
    Json(asked): Json<Asked>,
) -> Answer {
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
    let wrong = |message: String| (StatusCode::BAD_REQUEST, message);
    let bytes: Bytes = to_bytes(body, MOST_SHOWN_BYTES)
        .await
        .map_err(|e| wrong(e.to_string()))?;
    let mut opened = Opened::default();
    let pushed = opened.push::<Asked>(&bytes);
    let (asked, batches) = pushed.map_err(|e| wrong(e.to_string()))?;
    opened.end().map_err(|e| wrong(e.to_string()))?;
    let (Some(asked), Some(schema)) = (asked, opened.schema()) else {
        return Err(wrong("there are no rows".to_owned()));
    };
    let part = worker.part(&session, broker, &asked).await?;
    let shown = ShownRows {
        query,
        given: asked.given,
        schema,
        batches,
    };
    let showing = async move { part.show(shown).await };
    let shown = worker.apart(showing).await?;
    shown.map_err(|e| failed(e.to_string()))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

#[cfg(test)]
mod tests {
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
}
