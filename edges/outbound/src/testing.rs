//! What tests stand on: a resolver and a dialler that record, and a loopback server with bad manners.

use crate::dial::{Dialler, Resolver, Stream};
use crate::guard::{AllowList, JudgedAddress};
use async_trait::async_trait;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Resolves from a table and remembers what it was asked.
#[derive(Default)]
pub(crate) struct TableResolver {
    pub(crate) table: HashMap<&'static str, Vec<IpAddr>>,
    pub(crate) asked: Mutex<Vec<String>>,
}

impl TableResolver {
    pub(crate) fn new(entries: &[(&'static str, &[&str])]) -> Arc<Self> {
        let table = entries
            .iter()
            .map(|(name, addresses)| (*name, addresses.iter().map(|text| text.parse().unwrap()).collect()));
        Arc::new(Self { table: table.collect(), asked: Mutex::default() })
    }
}

#[async_trait]
impl Resolver for TableResolver {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.lock().unwrap().push(host.to_owned());
        self.table.get(host).cloned().ok_or_else(|| io::Error::other("no such host"))
    }
}

/// Remembers what was dialled; connects to loopback only, or to `instead`.
#[derive(Default)]
pub(crate) struct RecordingDialler {
    pub(crate) dialled: Mutex<Vec<SocketAddr>>,
    pub(crate) instead: Option<SocketAddr>,
}

#[async_trait]
impl Dialler for RecordingDialler {
    async fn dial(&self, address: JudgedAddress) -> io::Result<Box<dyn Stream>> {
        let address = address.socket_address();
        self.dialled.lock().unwrap().push(address);
        let address = self.instead.unwrap_or(address);
        if !address.ip().is_loopback() {
            return Err(io::Error::other("tests dial loopback only"));
        }
        #[allow(clippy::disallowed_methods, reason = "loopback in a test")]
        Ok(Box::new(TcpStream::connect(address).await?))
    }
}

/// A server on loopback that answers every request with the same bytes and counts connections.
pub(crate) struct RudeServer {
    pub(crate) address: SocketAddr,
    pub(crate) requests: Arc<Mutex<Vec<String>>>,
}

/// How the server answers after it has read a request head.
#[derive(Clone)]
pub(crate) enum Manner {
    /// These bytes, then close.
    Says(Vec<u8>),
    /// This head, then bytes without end.
    Endless(&'static str),
    /// This head, then one byte now and then.
    Drips(&'static str),
    /// These bytes after a while.
    Waits(Duration, Vec<u8>),
    /// These bytes, then nothing more.
    Stalls(&'static str),
    /// Nothing, ever.
    Silent,
}

impl RudeServer {
    pub(crate) async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let log = requests.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, manner.clone(), log.clone()));
            }
        });
        Self { address, requests }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, manner: Manner, log: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    let mut chunk = [0; 4096];
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return,
            Ok(count) => head.extend_from_slice(&chunk[..count]),
        }
    }
    log.lock().unwrap().push(String::from_utf8_lossy(&head).into_owned());
    match manner {
        Manner::Says(bytes) => drop(stream.write_all(&bytes).await),
        Manner::Waits(time, bytes) => {
            tokio::time::sleep(time).await;
            drop(stream.write_all(&bytes).await);
        }
        Manner::Endless(head) => {
            drop(stream.write_all(head.as_bytes()).await);
            while stream.write_all(&[b'x'; 16 * 1024]).await.is_ok() {}
        }
        Manner::Drips(head) => {
            drop(stream.write_all(head.as_bytes()).await);
            while stream.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Manner::Stalls(bytes) => {
            drop(stream.write_all(bytes.as_bytes()).await);
            std::future::pending().await
        }
        Manner::Silent => std::future::pending().await,
    }
}

/// A whole answer with this status line's end, headers and body.
pub(crate) fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// A server on loopback that publishes documents by path and counts who asks.
pub(crate) struct Publisher {
    address: SocketAddr,
    state: Arc<Mutex<Published>>,
}

#[derive(Default)]
struct Published {
    documents: HashMap<String, Vec<u8>>,
    count: usize,
    delay: Duration,
}

impl Publisher {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(Published::default()));
        let shared = state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(publish(stream, shared.clone()));
            }
        });
        Self { address, state }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn allow_list(&self) -> AllowList {
        AllowList::parse([format!("127.0.0.1/32:{}", self.address.port()).as_str()]).unwrap()
    }

    pub(crate) fn put(&self, path: &str, document: Vec<u8>) {
        self.state.lock().unwrap().documents.insert(path.to_owned(), document);
    }

    /// Takes a document down and gives it back.
    pub(crate) fn take(&self, path: &str) -> Vec<u8> {
        self.state.lock().unwrap().documents.remove(path).unwrap()
    }

    pub(crate) fn slow_down(&self, delay: Duration) {
        self.state.lock().unwrap().delay = delay;
    }

    pub(crate) fn count(&self) -> usize {
        self.state.lock().unwrap().count
    }
}

async fn publish(mut stream: TcpStream, state: Arc<Mutex<Published>>) {
    let mut head = Vec::new();
    let mut chunk = [0; 4096];
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return,
            Ok(count) => head.extend_from_slice(&chunk[..count]),
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let (document, delay) = {
        let mut state = state.lock().unwrap();
        state.count += 1;
        (state.documents.get(&path).cloned(), state.delay)
    };
    tokio::time::sleep(delay).await;
    let bytes = match document {
        Some(document) => answer("200 OK", "", &document),
        None => answer("404 Not Found", "", b""),
    };
    drop(stream.write_all(&bytes).await);
}
