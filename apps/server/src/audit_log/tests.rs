use std::io;
use std::sync::Mutex;
use std::time::Duration;

use super::*;

/// A disk with some room, on which others can append too.
#[derive(Debug, Clone, Default)]
struct Disk(Arc<Mutex<Contents>>);

#[derive(Debug, Default)]
struct Contents {
    text: Vec<u8>,
    room: usize,
    writes: usize,
}

impl Disk {
    fn with_room(room: usize) -> Self {
        let disk = Self::default();
        disk.make_room(room);
        disk
    }

    fn make_room(&self, room: usize) {
        self.0.lock().unwrap().room = room;
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().text.clone()).unwrap()
    }

    fn writes(&self) -> usize {
        self.0.lock().unwrap().writes
    }

    fn log(&self, queue: usize) -> AuditLog {
        AuditLog::over(self.clone(), queue, Duration::from_millis(1)).unwrap()
    }
}

impl Destination for Disk {
    fn reopen_if_moved(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn ends_within_a_line(&mut self) -> io::Result<bool> {
        Ok(self.0.lock().unwrap().text.last().is_some_and(|byte| *byte != b'\n'))
    }

    fn append(&mut self, lines: &[u8]) -> io::Result<usize> {
        let mut contents = self.0.lock().unwrap();
        contents.writes += 1;
        let taken = lines.len().min(contents.room);
        if taken == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        contents.room -= taken;
        contents.text.extend_from_slice(&lines[..taken]);
        Ok(taken)
    }
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..2_000 {
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("{what}");
}

fn event(number: usize) -> String {
    format!("{{\"n\":{number:04}}}")
}

#[test]
fn writes_a_line_for_each_event_before_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let log = AuditLog::open(&path).unwrap();
    for number in 0..100 {
        log.append(move || event(number));
    }
    assert!(!log.is_broken());
    drop(log);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.lines().eq((0..100).map(event)), "{text}");
}

#[test]
fn many_events_are_one_write_of_whole_lines() {
    let disk = Disk::with_room(1 << 20);
    let log = disk.log(QUEUE);
    for number in 0..1000 {
        log.record(move || event(number)).unwrap();
    }
    drop(log);
    assert!(disk.text().lines().eq((0..1000).map(event)));
    assert!(disk.writes() < 50, "{}", disk.writes());
}

#[test]
fn appends_to_what_is_there_and_ends_a_line_that_was_cut() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    for _ in 0..2 {
        AuditLog::open(&path).unwrap().append(|| "{}".to_owned());
    }
    let mut cut = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
    io::Write::write_all(&mut cut, b"{\"cut").unwrap();
    AuditLog::open(&path).unwrap().append(|| "{}".to_owned());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "{}\n{}\n{\"cut\n{}\n");
}

#[test]
fn a_full_disk_breaks_the_log_and_loses_nothing() {
    // Room for two lines and a half.
    let disk = Disk::with_room(event(0).len() * 2 + 2 + 4);
    let log = disk.log(QUEUE);
    for number in 0..5 {
        log.append(move || event(number));
    }
    wait_until("the failure is seen", || log.is_broken());
    assert_eq!(log.record(|| event(99)), Err(NotRecorded::Broken));
    for number in 5..10 {
        log.append(move || event(number));
    }
    let tries = disk.writes();
    wait_until("it is tried again", || disk.writes() > tries + 3);
    assert!(log.is_broken(), "it stays broken while nothing is written");
    assert_eq!(disk.text(), format!("{}\n{}\n{{\"n\"", event(0), event(1)));
    disk.make_room(1 << 20);
    wait_until("it works again", || !log.is_broken());
    log.record(|| event(10)).unwrap();
    drop(log);
    let whole: Vec<String> = disk.text().lines().filter(|line| line.ends_with('}')).map(str::to_owned).collect();
    assert_eq!(whole, (0..=10).map(event).collect::<Vec<_>>(), "{}", disk.text());
    assert_eq!(disk.text().lines().filter(|line| !line.ends_with('}')).collect::<Vec<_>>(), ["{\"n\""]);
}

#[test]
fn what_another_process_appends_between_two_tries_mixes_with_nothing() {
    let disk = Disk::with_room(4);
    let log = disk.log(QUEUE);
    log.append(|| event(0));
    wait_until("the failure is seen", || log.is_broken());
    disk.0.lock().unwrap().text.extend_from_slice(b"\n{\"operator\":1}\n");
    disk.make_room(1 << 20);
    drop(log);
    assert_eq!(disk.text(), format!("{{\"n\"\n{{\"operator\":1}}\n{}\n", event(0)));
}

#[test]
fn a_line_that_another_process_cut_is_ended_while_the_log_is_open() {
    let disk = Disk::with_room(1 << 20);
    let log = disk.log(QUEUE);
    log.append(|| event(0));
    wait_until("the first is written", || disk.text().ends_with('\n'));
    disk.0.lock().unwrap().text.extend_from_slice(b"{\"cut");
    log.append(|| event(1));
    drop(log);
    assert_eq!(disk.text(), format!("{}\n{{\"cut\n{}\n", event(0), event(1)));
}

#[test]
fn an_operators_line_is_there_at_once_and_ends_one_that_was_cut() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let mut appender = Appender::open(&path).unwrap();
    appender.append(&event(0)).unwrap();
    let mut cut = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
    io::Write::write_all(&mut cut, b"{\"cut").unwrap();
    appender.append(&event(1)).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{}\n{{\"cut\n{}\n", event(0), event(1)));
    std::fs::rename(&path, folder.path().join("audit.jsonl.1")).unwrap();
    appender.append(&event(2)).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{}\n", event(2)), "it follows a rotation");
}

#[test]
fn a_full_queue_is_told_and_breaks_the_log_until_it_is_written() {
    let disk = Disk::with_room(0);
    let log = disk.log(3);
    log.append(|| event(0));
    wait_until("the first event is held", || log.is_broken());
    for number in 1..=3 {
        log.append(move || event(number));
    }
    assert_eq!(log.enqueue(Box::new(|| event(4))), Err(NotRecorded::QueueFull));
    disk.make_room(1 << 20);
    wait_until("it works again", || !log.is_broken() && log.record(|| event(5)).is_ok());
    drop(log);
    let expected: Vec<String> = [0, 1, 2, 3, 5].map(event).into();
    assert_eq!(disk.text().lines().collect::<Vec<_>>(), expected);
}

#[test]
fn a_log_that_was_called_broken_after_the_last_write_recovers_by_itself() {
    let log = Disk::with_room(1 << 20).log(QUEUE);
    log.state.broken.store(true, Ordering::Relaxed);
    wait_until("it works again", || !log.is_broken());
}

#[test]
fn a_disk_that_takes_nothing_does_not_keep_the_node_from_ending() {
    let log = Disk::with_room(0).log(QUEUE);
    log.append(|| event(0));
    drop(log);
}

#[test]
fn an_event_that_panics_leaves_a_broken_log_and_no_silent_one() {
    let log = Disk::with_room(1 << 20).log(QUEUE);
    log.append(|| panic!("the writer's thread ends here"));
    wait_until("nothing is recorded any more", || log.is_broken());
    assert_eq!(log.record(|| event(0)), Err(NotRecorded::Broken));
}

#[cfg(unix)]
mod on_unix {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn follows_its_name_when_the_file_is_rotated() {
        let folder = tempfile::tempdir().unwrap();
        let (path, rotated) = (folder.path().join("audit.jsonl"), folder.path().join("audit.jsonl.1"));
        let log = AuditLog::open(&path).unwrap();
        let written = |path: &Path, line: &str| std::fs::read_to_string(path).unwrap_or_default().contains(line);
        log.append(|| event(0));
        wait_until("the first is written", || written(&path, &event(0)));
        std::fs::rename(&path, &rotated).unwrap();
        log.append(|| event(1));
        wait_until("the second is written", || written(&path, &event(1)));
        assert_eq!(std::fs::read_to_string(&rotated).unwrap(), format!("{}\n", event(0)));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        // With a new file made by the rotation, and with an empty one in the same place.
        std::fs::rename(&path, &rotated).unwrap();
        std::fs::write(&path, "").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        log.append(|| event(2));
        drop(log);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{}\n", event(2)));
    }

    #[test]
    fn a_file_that_others_can_read_and_a_link_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        std::fs::write(&path, "").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(AuditLog::open(&path).is_err() && Appender::open(&path).is_err());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        AuditLog::open(&path).unwrap();
        Appender::open(&path).unwrap();
        let link = folder.path().join("link.jsonl");
        symlink(&path, &link).unwrap();
        assert!(AuditLog::open(&link).is_err() && Appender::open(&link).is_err());
        assert!(AuditLog::open(Path::new("/dev/full")).is_err());
    }

    #[test]
    fn a_rotation_to_a_file_that_others_can_read_breaks_the_log_until_it_is_repaired() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        let log = AuditLog::over(LogFile::open(&path).unwrap(), QUEUE, Duration::from_millis(1)).unwrap();
        std::fs::rename(&path, folder.path().join("audit.jsonl.1")).unwrap();
        std::fs::write(&path, "").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        log.append(|| event(0));
        wait_until("it is refused", || log.is_broken());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        wait_until("it is taken", || !log.is_broken());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{}\n", event(0)));
    }
}
