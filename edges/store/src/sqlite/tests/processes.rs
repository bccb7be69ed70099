//! Two processes on one file, and one that is killed. (Locks between threads of one process are of another kind.)

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

use super::*;

const IDS: u32 = 300;

/// Starts this test binary again as the process that [`second_process`] is, with the folder as its working directory.
fn second(folder: &TempDir) -> (Child, BufReader<ChildStdout>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sqlite::tests::processes::second_process", "--ignored", "--nocapture"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    (child, output)
}

/// The ids that the second process was told are fresh, from its lines `fresh ID`.
fn fresh_ids(text: &str) -> Vec<String> {
    text.lines().filter_map(|line| line.strip_prefix("fresh ")).map(str::to_owned).collect()
}

#[tokio::test]
#[ignore = "the second process of the tests beside it, not a test"]
async fn second_process() {
    let path = std::env::current_dir().unwrap().join("tessera.db");
    if !path.exists() {
        return;
    }
    let store = SqliteStore::open(&path, &SqliteSettings::default(), at(NOW)).unwrap();
    let mut output = std::io::stdout();
    writeln!(output, "\nready").unwrap();
    for number in 0..IDS {
        if store.spend_jti(spend(&number.to_string())).await.unwrap() == Spend::Fresh {
            writeln!(output, "fresh {number}").unwrap();
            output.flush().unwrap();
        }
    }
}

/// Shows: AUTHN-5
#[tokio::test]
async fn an_id_is_fresh_in_one_of_two_processes() {
    let folder = folder();
    let store = store(&folder);
    let (mut child, mut output) = second(&folder);
    let mut line = String::new();
    while line.trim_end() != "ready" {
        line.clear();
        assert_ne!(output.read_line(&mut line).unwrap(), 0, "the second process did not start");
    }
    let mut fresh = Vec::new();
    for number in (0..IDS).rev() {
        if store.spend_jti(spend(&number.to_string())).await.unwrap() == Spend::Fresh {
            fresh.push(number.to_string());
        }
    }
    let mut theirs = String::new();
    output.read_to_string(&mut theirs).unwrap();
    assert!(child.wait().unwrap().success());
    fresh.extend(fresh_ids(&theirs));
    assert_eq!(fresh.len(), IDS as usize);
    assert_eq!(fresh.iter().collect::<BTreeSet<_>>().len(), IDS as usize);
}

/// Shows: AUTHN-5
#[tokio::test]
async fn nothing_that_was_answered_is_lost_with_a_killed_process() {
    let folder = folder();
    drop(store(&folder));
    let (mut child, mut output) = second(&folder);
    let mut told = String::new();
    while fresh_ids(&told).len() < 40 {
        assert_ne!(output.read_line(&mut told).unwrap(), 0, "the second process ended early");
    }
    child.kill().unwrap();
    output.read_to_string(&mut told).unwrap();
    child.wait().unwrap();
    let store = store(&folder);
    for id in fresh_ids(&told) {
        assert_eq!(store.spend_jti(spend(&id)).await.unwrap(), Spend::Replayed, "{id}");
    }
}
