//! The HTTP port: `/metrics` for Prometheus, `/healthz` for whoever restarts us.
//!
//! Holds       a bounded number of connections, each for a bounded time: the handles of files are the log's, and whoever does not
//!             read shuts nobody out for good.
//! Not here    what is counted (`metrics.rs`). There is nothing to be changed over HTTP.

use crate::metrics::Metrics;
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::timeout;

/// More connections than this are closed as soon as they are accepted.
pub(crate) const CONNECTIONS_MAX: usize = 32;
/// A connection on which nothing was asked for so long is closed.
const ASKED_WITHIN: Duration = Duration::from_secs(30);
/// A connection ends after so long, whatever happens on it, ...
const LASTS_AT_MOST: Duration = Duration::from_secs(60);
/// ... with the answer that is on its way, if its peer takes that within so long.
const TAKEN_WITHIN: Duration = Duration::from_secs(10);

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
            let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
            if timeout(LASTS_AT_MOST, connection.as_mut()).await.is_err() {
                connection.as_mut().graceful_shutdown();
                timeout(TAKEN_WITHIN, connection).await.ok();
            }
            drop(one);
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    /// What `/healthz` answers, if anybody does.
    async fn health(address: std::net::SocketAddr) -> io::Result<String> {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        Ok(text)
    }

    #[test]
    fn peers_that_do_not_read_shut_nobody_out_for_good() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            tokio::task::spawn_local(serve(listener, Rc::new(Metrics::default())));
            let mut held = Vec::new();
            for _ in 0..CONNECTIONS_MAX {
                let mut stream = TcpStream::connect(address).await.unwrap();
                // Until the answers have filled all buffers and nothing more is read of what is asked.
                let asks = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1000);
                while timeout(Duration::from_millis(100), stream.write_all(&asks)).await.is_ok() {}
                held.push(stream);
            }
            assert_eq!(health(address).await.unwrap_or_default(), "");
            tokio::time::sleep(LASTS_AT_MOST + TAKEN_WITHIN).await;
            assert!(health(address).await.unwrap().contains("not serving"));
        });
    }
}
