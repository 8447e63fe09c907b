//! The HTTP port: `/metrics` for Prometheus, `/healthz` for whoever restarts us.
//!
//! Holds       a bounded number of connections: the handles of files are the log's.
//! Not here    what is counted (`metrics.rs`). There is nothing to be changed over HTTP.

use crate::metrics::Metrics;
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::TcpListener;

/// More connections than this are closed as soon as they are accepted.
const CONNECTIONS_MAX: usize = 32;
/// A connection on which nothing was asked for so long is closed.
const ASKED_WITHIN: Duration = Duration::from_secs(30);

/// Answer until the task is dropped.
pub(crate) async fn serve(listener: TcpListener, metrics: Rc<Metrics>) {
    // Each connection holds a clone.
    let open = Rc::new(());
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            continue;
        };
        if Rc::strong_count(&open) > CONNECTIONS_MAX {
            continue;
        }
        let (metrics, one) = (Rc::clone(&metrics), Rc::clone(&open));
        let service = hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| {
            let response = answer(request.method(), request.uri().path(), &metrics);
            async move { Ok::<_, Infallible>(response) }
        });
        // A peer that breaks off or speaks something else is its own affair.
        tokio::task::spawn_local(async move {
            let mut http = hyper::server::conn::http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(ASKED_WITHIN);
            let ended = http.serve_connection(TokioIo::new(stream), service).await.ok();
            drop(one);
            ended
        });
    }
}

fn answer(method: &Method, path: &str, metrics: &Metrics) -> Response<Full<Bytes>> {
    const TEXT: &str = "text/plain; charset=utf-8";
    let (status, kind, body) = match (method, path) {
        (&Method::GET | &Method::HEAD, "/metrics") => {
            (StatusCode::OK, "application/openmetrics-text; version=1.0.0; charset=utf-8", metrics.encode())
        }
        (&Method::GET | &Method::HEAD, "/healthz") => match (metrics.serving.get(), metrics.offline.get()) {
            (0, _) => (StatusCode::SERVICE_UNAVAILABLE, TEXT, "not serving\n".to_owned()),
            (_, 0) => (StatusCode::OK, TEXT, "ok\n".to_owned()),
            // The others are served, and a restart would not bring these back.
            (_, 1) => (StatusCode::OK, TEXT, "ok, but for 1 offline partition\n".to_owned()),
            (_, n) => (StatusCode::OK, TEXT, format!("ok, but for {n} offline partitions\n")),
        },
        (_, "/metrics" | "/healthz") => (StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET\n".to_owned()),
        _ => (StatusCode::NOT_FOUND, TEXT, "/metrics or /healthz\n".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}
