//! A server that answers what a test wants it to, and remembers what it was asked.

use std::collections::{HashMap, VecDeque};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// One answer: status, media type and body.
pub type Answer = (u16, &'static str, Vec<u8>);

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The value of the Authorization header; empty when there is none.
    pub authorization: String,
    pub body: String,
}

/// Plain HTTP on loopback; it ends with the process.
#[derive(Debug)]
pub struct FakeServer {
    pub port: u16,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    answers: Mutex<HashMap<String, VecDeque<Answer>>>,
    asked: Mutex<Vec<Asked>>,
}

impl FakeServer {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self { port: listener.local_addr().unwrap().port(), state: Arc::default() };
        let state = Arc::clone(&server.state);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                // A client may hang up; that is its own matter.
                let _ = stream.and_then(|stream| state.serve(stream));
            }
        });
        server
    }

    /// Answers a path, or a path with its query, in this order; the last answer stays.
    pub fn answer(&self, target: &str, answers: impl IntoIterator<Item = Answer>) {
        self.state.answers.lock().unwrap().insert(target.to_owned(), answers.into_iter().collect());
    }

    /// All that was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.state.asked.lock().unwrap().clone()
    }
}

impl State {
    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let mut words = line.split(' ').map(str::to_owned);
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let (mut length, mut authorization) = (0, String::new());
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse().unwrap(),
                "authorization" => value.trim().clone_into(&mut authorization),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let body = String::from_utf8(body).unwrap();
        let (status, media_type, answer) = self.next_answer(&target);
        self.asked.lock().unwrap().push(Asked { method, target, authorization, body });
        let stream = reader.get_mut();
        let length = answer.len();
        write!(
            stream,
            "HTTP/1.1 {status} X\r\nContent-Type: {media_type}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
        )?;
        stream.write_all(&answer)
    }

    /// That of the whole target comes first, then that of its path; else there is nothing.
    fn next_answer(&self, target: &str) -> Answer {
        let mut answers = self.answers.lock().unwrap();
        let path = target.split('?').next().unwrap();
        let key = if answers.contains_key(target) { target } else { path };
        match answers.get_mut(key) {
            Some(queue) if queue.len() > 1 => queue.pop_front().unwrap(),
            Some(queue) => queue.front().cloned().unwrap(),
            None => (404, "text/plain", Vec::new()),
        }
    }
}

/// An answer in JSON.
pub fn json(status: u16, value: &serde_json::Value) -> Answer {
    (status, "application/json", value.to_string().into_bytes())
}
