//! One worker, as who asks it sees it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use datafusion::arrow::array::RecordBatch;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use kcorr_engine::{GivenParameters, PartRows, ShownRows};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

use crate::envelope::{Answered, Asked, Envelope, Opened};
use crate::error::{Error, Result};
use crate::identity::{Identity, PROGRAM, program};
use crate::pulse::Pulse;

/// How long a worker may take to say that it is there, or that it lets a session go.
const PING_WITHIN: Duration = Duration::from_secs(10);

/// What a worker is asked at a time: queries of this many parts. It has places for several who ask.
const MOST_ASKED: usize = 16;
/// Of these, what rows that are shown to a part take: they are held there until all have come.
const SHOWING: u32 = 4;

/// How long the next rows of an answer may take: they are there when it begins.
const ROWS_WITHIN: Duration = Duration::from_secs(60);

/// Bytes that went to workers and came from them.
#[derive(Debug, Default)]
pub(crate) struct Shipped {
    pub(crate) sent: AtomicU64,
    pub(crate) received: AtomicU64,
}

/// A worker.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    client: Client,
    url: Url,
    token: Option<String>,
    shipped: Arc<Shipped>,
    turns: Arc<Semaphore>,
    pulse: Arc<Pulse>,
}

impl Connection {
    pub(crate) fn new(
        client: Client,
        url: Url,
        token: Option<String>,
        shipped: Arc<Shipped>,
    ) -> Self {
        Self {
            client,
            url,
            token,
            shipped,
            turns: Arc::new(Semaphore::new(MOST_ASKED)),
            pulse: Arc::default(),
        }
    }

    /// How it is called: its URL.
    pub(crate) fn name(&self) -> String {
        self.url.as_str().trim_end_matches('/').to_owned()
    }

    fn request(&self, method: Method, path: &[&str]) -> Result<RequestBuilder> {
        let mut url = self.url.clone();
        let no_path = |()| Error::Refused(format!("{} is no URL of a worker", self.url));
        let mut segments = url.path_segments_mut().map_err(no_path)?;
        segments.pop_if_empty().push("v1").extend(path);
        drop(segments);
        let mut request = self.client.request(method, url).header(PROGRAM, program());
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        Ok(request)
    }

    fn lost(&self, why: &reqwest::Error) -> Error {
        Error::lost(&self.name(), why)
    }

    /// An answer that is a success, or what the worker says instead.
    async fn checked(&self, answer: Response) -> Result<Response> {
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let text = tokio::time::timeout(ROWS_WITHIN, answer.text()).await;
        let text = text.ok().and_then(Result::ok).unwrap_or_default();
        let message = match text.trim() {
            "" => status.to_string(),
            text => text.to_owned(),
        };
        let worker = self.name();
        Err(match status {
            // What it was shown before is gone, or it has no room: another may do it.
            StatusCode::GONE | StatusCode::SERVICE_UNAVAILABLE => Error::Lost {
                worker,
                why: message,
            },
            StatusCode::PRECONDITION_REQUIRED => Error::Forgotten { worker },
            _ => Error::Said { worker, message },
        })
    }

    /// Who it is, and the state in which it sees its store; looked for in that which is expected.
    pub(crate) async fn identity(&self, state: &str) -> Result<Identity> {
        let request = self.request(Method::GET, &[])?.query(&[("state", state)]);
        let answer = request.timeout(ROWS_WITHIN).send().await;
        let answer = self.checked(answer.map_err(|e| self.lost(&e))?).await?;
        let bytes = answer.bytes().await.map_err(|e| self.lost(&e))?;
        serde_json::from_slice(&bytes).map_err(|e| Error::Said {
            worker: self.name(),
            message: format!("what is no answer of a kcorr worker: {e}"),
        })
    }

    /// Returns when it does not answer any more.
    async fn silence(&self) -> Error {
        let ping = async || {
            let request = self.request(Method::GET, &[])?.timeout(PING_WITHIN);
            request.send().await.map(drop).map_err(|e| self.lost(&e))
        };
        let why = self.pulse.silence(ping).await;
        Error::Lost {
            worker: self.name(),
            why,
        }
    }

    /// A turn to ask it, or several.
    async fn turn(&self, count: u32) -> Result<OwnedSemaphorePermit> {
        let turn = Arc::clone(&self.turns).acquire_many_owned(count).await;
        turn.map_err(|e| Error::lost(&self.name(), &e))
    }

    /// Sends a request and waits for its answer as long as the worker is there.
    async fn answer(&self, request: RequestBuilder) -> Result<Response> {
        let answer = tokio::select! {
            answer = request.send() => answer.map_err(|e| self.lost(&e))?,
            error = self.silence() => return Err(error),
        };
        self.checked(answer).await
    }

    /// Shows a part rows of a query over several brokers.
    pub(crate) async fn show(
        &self,
        session: &str,
        broker: &str,
        asked: &Asked,
        shown: &ShownRows,
    ) -> Result<()> {
        let asked = Asked {
            given: shown.given.clone(),
            ..asked.clone()
        };
        let _turn = self.turn(SHOWING).await?;
        let bytes = written(&asked, shown).map_err(|e| Error::lost(&self.name(), &e))?;
        self.shipped
            .sent
            .fetch_add(bytes.len() as u64, Ordering::Relaxed);
        let request = self.request(Method::PUT, &[session, broker, &shown.query])?;
        self.answer(request.body(bytes)).await?;
        Ok(())
    }

    /// Runs a query of a part. The rows come as they are read, and it is at work until all are.
    pub(crate) async fn run(
        &self,
        session: &str,
        broker: &str,
        query: &str,
        asked: &Asked,
        given: &GivenParameters,
    ) -> Result<PartRows> {
        let asked = Asked {
            given: given.clone(),
            ..asked.clone()
        };
        let turn = self.turn(1).await?;
        let text = serde_json::to_vec(&asked).map_err(|e| Error::lost(&self.name(), &e))?;
        self.shipped
            .sent
            .fetch_add(text.len() as u64, Ordering::Relaxed);
        let request = self.request(Method::POST, &[session, broker, query])?;
        let request = request.header("content-type", "application/json");
        let answer = self.answer(request.body(text)).await?;
        let mut coming = Coming {
            connection: self.clone(),
            bytes: answer.bytes_stream().boxed(),
            opened: Opened::default(),
            turn,
        };
        let mut head: Option<Answered> = None;
        let mut first = Vec::new();
        while coming.opened.schema().is_none() || head.is_none() {
            let Some((found, rows)) = coming.next().await? else {
                coming.end()?;
                return Err(coming.cut("there is no head"));
            };
            head = head.or(found);
            first.extend(rows);
        }
        let (Some(head), Some(schema)) = (head, coming.opened.schema()) else {
            return Err(coming.cut("there is no head"));
        };
        let name = self.name();
        Ok(PartRows {
            steps: head.steps.into_iter().map(|step| step.by(&name)).collect(),
            rows: Box::pin(RecordBatchStreamAdapter::new(schema, coming.rows(first))),
        })
    }

    /// Says that nothing more is asked in a session. Whether it hears that or not does not matter.
    pub(crate) async fn end(&self, session: &str) {
        if let Ok(request) = self.request(Method::DELETE, &[session]) {
            let _ = request.timeout(PING_WITHIN / 2).send().await;
        }
    }
}

/// All rows of an answer, read to its end.
pub(crate) async fn whole(
    worker: &Connection,
    rows: SendableRecordBatchStream,
) -> Result<SendableRecordBatchStream> {
    let schema = rows.schema();
    let read: std::result::Result<Vec<RecordBatch>, _> = rows.try_collect().await;
    let read = read.map_err(|e| Error::lost(&worker.name(), &e))?;
    let rows = stream::iter(read.into_iter().map(Ok));
    Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
}

fn written(
    asked: &Asked,
    shown: &ShownRows,
) -> std::result::Result<Bytes, datafusion::arrow::error::ArrowError> {
    let mut envelope = Envelope::new(asked, &shown.schema)?;
    for batch in &shown.batches {
        envelope.add(batch)?;
    }
    envelope.end()?;
    Ok(envelope.take())
}

/// An answer that is being read.
struct Coming {
    connection: Connection,
    bytes: BoxStream<'static, reqwest::Result<Bytes>>,
    opened: Opened,
    #[expect(dead_code, reason = "ends with the answer")]
    turn: OwnedSemaphorePermit,
}

impl Coming {
    fn cut(&self, why: &str) -> Error {
        Error::Lost {
            worker: self.connection.name(),
            why: why.to_owned(),
        }
    }

    /// What the next bytes bring; `None` when there are no more.
    async fn next(&mut self) -> Result<Option<(Option<Answered>, Vec<RecordBatch>)>> {
        let bytes = tokio::time::timeout(ROWS_WITHIN, self.bytes.next()).await;
        let bytes = bytes.map_err(|_| self.cut("no more rows came"))?;
        let Some(bytes) = bytes else {
            return Ok(None);
        };
        let bytes = bytes.map_err(|e| self.connection.lost(&e))?;
        let received = &self.connection.shipped.received;
        received.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        let pushed = self.opened.push(&bytes);
        Ok(Some(
            pushed.map_err(|e| Error::lost(&self.connection.name(), &e))?,
        ))
    }

    fn end(&mut self) -> Result<()> {
        let ended = self.opened.end();
        ended.map_err(|e| Error::lost(&self.connection.name(), &e))
    }

    /// The rows that came, and all that come.
    fn rows(
        self,
        first: Vec<RecordBatch>,
    ) -> impl futures::Stream<Item = datafusion::error::Result<RecordBatch>> + Send {
        let rest = stream::try_unfold(Some(self), async |coming| {
            let Some(mut coming) = coming else {
                return Ok(None);
            };
            let external = |e: Error| DataFusionError::External(Box::new(e));
            match coming.next().await.map_err(external)? {
                Some((_, rows)) => Ok(Some((stream::iter(rows.into_iter().map(Ok)), Some(coming)))),
                None => {
                    coming.end().map_err(external)?;
                    Ok(None)
                }
            }
        });
        let rest = rest.map(|rows| match rows {
            Ok(rows) => rows.boxed(),
            Err(error) => stream::iter([Err(error)]).boxed(),
        });
        stream::iter(first.into_iter().map(Ok)).chain(rest.flatten())
    }
}
