//! FHIR servers behind the gateway, honest and otherwise, which remember what reached them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use tessera_sample_fhir::SampleFhir;
use tokio::net::TcpListener;

type Seen = Arc<Mutex<Vec<String>>>;

/// A FHIR server at `/fhir` of a port of its own.
#[derive(Debug, Clone)]
pub struct Upstream {
    pub address: SocketAddr,
    seen: Seen,
}

impl Upstream {
    /// One with the sample data.
    pub async fn sample() -> Self {
        Self::serving(|address| {
            let sample = SampleFhir::load().unwrap().router(&format!("http://{address}/fhir"));
            Router::new().nest("/fhir", sample)
        })
        .await
    }

    /// One that answers everything with this; `{upstream}` in the body is its own base URL.
    pub async fn answering(status: u16, headers: &[(&'static str, &'static str)], body: &'static str) -> Self {
        let headers = headers.to_vec();
        Self::serving(move |address| {
            let body = body.replace("{upstream}", &format!("http://{address}/fhir"));
            Router::new().fallback(move || async move {
                let mut response = Response::builder().status(status);
                for (name, value) in headers {
                    response = response.header(name, value);
                }
                response.body(axum::body::Body::from(body)).unwrap()
            })
        })
        .await
    }

    /// One that reads a request and closes without an answer.
    pub async fn closing() -> Self {
        use tokio::io::AsyncReadExt as _;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let upstream = Self { address: listener.local_addr().unwrap(), seen: Seen::default() };
        let seen = Arc::clone(&upstream.seen);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut bytes = [0; 1024];
                let length = stream.read(&mut bytes).await.unwrap_or_default();
                let line = String::from_utf8_lossy(&bytes[..length]).lines().next().unwrap_or_default().to_owned();
                seen.lock().unwrap().push(line);
            }
        });
        upstream
    }

    /// Method and target of each request so far.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    async fn serving(router: impl FnOnce(SocketAddr) -> Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let upstream = Self { address: listener.local_addr().unwrap(), seen: Seen::default() };
        let remember = middleware::from_fn_with_state(Arc::clone(&upstream.seen), remember);
        let router = router(upstream.address).layer(remember);
        tokio::spawn(async move { axum::serve(listener, router).await });
        upstream
    }
}

async fn remember(State(seen): State<Seen>, request: Request, next: Next) -> Response {
    seen.lock().unwrap().push(format!("{} {}", request.method(), request.uri()));
    next.run(request).await
}
