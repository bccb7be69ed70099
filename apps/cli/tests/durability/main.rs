//! kill -9 in a loop: nothing acknowledged is lost, and nothing is used twice.
//!
//! A node runs as a program of its own. While registrations and tokens are asked for, it is killed at a random moment and
//! started again. Every registration that was answered 201 must then be there, every assertion that was answered 200 must
//! be refused as a replay; and so they must after the last kill, those of all cycles.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::allow_attributes,
    dead_code,
    unreachable_pub,
    unused_imports,
    missing_docs,
    reason = "tests; the support is shared with the black-box tests of apps/server"
)]

#[path = "../../../server/tests/it/support/mod.rs"]
mod support;

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use support::pki::elm;
use support::world::{prepare, token_form};
use support::{Jwt, Member, Request, WorldOptions};
use tokio::net::TcpStream;

const CYCLES: usize = 50;
const REGISTRATION: &str = "https://holder.example/oauth/main/register";
const TOKEN: &str = "https://holder.example/oauth/r4/token";

/// What a client was told, and may rely on.
#[derive(Default)]
struct Acknowledged {
    clients: Vec<(Member, String)>,
    spent: Vec<String>,
}

/// Shows: AUTHN-5, JWT-8
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_kills_lose_nothing_and_admit_no_replay() {
    let port = free_port();
    let folder = prepare(&WorldOptions { port, ..WorldOptions::default() }).await;
    let address: SocketAddr = ([127, 0, 0, 1], port).into();
    let acknowledged = Arc::new(Mutex::new(Acknowledged::default()));
    let (mut checked_clients, mut checked_spent) = (0, 0);
    for cycle in 0..CYCLES {
        let mut node = start(folder.path(), address).await;
        // What the cycle before was told, still holds after its kill.
        let told = acknowledged.lock().unwrap().since(checked_clients, checked_spent);
        told.check(address).await;
        checked_clients += told.clients.len();
        checked_spent += told.spent.len();
        let mut workers = tokio::task::JoinSet::new();
        for worker in 0..4 {
            let acknowledged = Arc::clone(&acknowledged);
            workers.spawn(async move { work(cycle, worker, address, &acknowledged).await });
        }
        // Between 20 and 140 ms: early, amid and late in the work.
        tokio::time::sleep(Duration::from_millis(20 + (cycle as u64 * 37) % 120)).await;
        node.kill();
        workers.shutdown().await;
    }
    // After the last kill: all that was told in any cycle, however many kills it has survived.
    let mut node = start(folder.path(), address).await;
    let all = acknowledged.lock().unwrap().since(0, 0);
    all.check(address).await;
    node.kill();
    println!(
        "{CYCLES} kills: {} registrations and {} tokens acknowledged, none lost, none replayed",
        all.clients.len(),
        all.spent.len()
    );
    assert!(
        all.clients.len() >= CYCLES && all.spent.len() >= CYCLES,
        "the node was killed before it could acknowledge anything"
    );
}

impl Acknowledged {
    /// What came after so many clients and assertions.
    fn since(&self, clients: usize, spent: usize) -> Self {
        Self { clients: self.clients[clients..].to_vec(), spent: self.spent[spent..].to_vec() }
    }

    /// Every client is known, and no assertion is taken twice.
    async fn check(&self, address: SocketAddr) {
        for (member, client_id) in &self.clients {
            let assertion = Jwt::assertion(member, client_id, TOKEN).sign(&member.key);
            let answer = ask_for_token(&assertion).send(address).await;
            assert_eq!(answer.status, 200, "an acknowledged registration is lost: {}", answer.text());
        }
        for assertion in &self.spent {
            let answer = ask_for_token(assertion).send(address).await;
            assert_eq!(answer.status, 401, "a replay was admitted");
        }
    }
}

fn ask_for_token(assertion: &str) -> Request {
    Request::form("/oauth/r4/token", &token_form(assertion, "system/Patient.rs"))
}

/// Registers new members and takes a token for each until the node is gone; notes what was acknowledged.
async fn work(cycle: usize, worker: usize, address: SocketAddr, acknowledged: &Mutex<Acknowledged>) {
    for number in 0.. {
        let member = elm().member(&format!("https://app.example/{cycle}/{worker}/{number}"));
        let statement = Jwt::statement(&member, REGISTRATION).sign(&member.key);
        let request = Request::json("/oauth/main/register", &json!({"software_statement": statement, "udap": "1"}));
        let Some(answer) = request.try_send(address).await else { return };
        if answer.status != 201 {
            continue;
        }
        let client_id = answer.json()["client_id"].as_str().unwrap().to_owned();
        let assertion = Jwt::assertion(&member, &client_id, TOKEN).sign(&member.key);
        acknowledged.lock().unwrap().clients.push((member, client_id));
        let Some(answer) = ask_for_token(&assertion).try_send(address).await else { return };
        if answer.status == 200 {
            acknowledged.lock().unwrap().spent.push(assertion);
        }
    }
}

/// A node as a program of its own, which does not outlive its test.
struct Node(Child);

impl Node {
    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It has ended when the test went well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn start(folder: &Path, address: SocketAddr) -> Node {
    let log = folder.join("node.log");
    let child = Command::new(env!("CARGO_BIN_EXE_tessera"))
        .args(["serve", "--config"])
        .arg(folder.join("node.toml"))
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let mut node = Node(child);
    // As long as it runs it may be slow; that is not what is tested here.
    for _ in 0..6_000 {
        if TcpStream::connect(address).await.is_ok() {
            return node;
        }
        if let Some(status) = node.0.try_wait().unwrap() {
            panic!("the node ended at its start, {status}: {}", std::fs::read_to_string(&log).unwrap());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the node does not start: {}", std::fs::read_to_string(&log).unwrap());
}

/// A port that nobody has, out of the range from which the system gives ports to others while the node is down.
fn free_port() -> u16 {
    let first = 12_000 + u16::try_from(std::process::id() % 4_000).unwrap();
    (first..20_000).find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}
