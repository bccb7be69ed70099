use crate::support::User;

#[test]
fn help_lists_the_commands_and_the_exit_codes() {
    let ran = User::new().run(&["--help"]);
    assert_eq!(ran.code, 0);
    for word in [
        "sandbox",
        "serve",
        "check",
        "clients",
        "explain",
        "profile",
        "discover",
        "register",
        "token",
        "get",
        "cancel",
        "introspect",
        "revoke",
        "Exit codes:",
    ] {
        assert!(ran.stdout.contains(word), "{word}");
    }
}

#[test]
fn each_command_has_help_of_its_own() {
    let user = User::new();
    for command in [
        "sandbox",
        "serve",
        "check",
        "clients",
        "explain",
        "profile",
        "discover",
        "register",
        "token",
        "get",
        "cancel",
        "introspect",
        "revoke",
    ] {
        let ran = user.run(&[command, "--help"]);
        assert_eq!(ran.code, 0, "{command}");
        assert!(ran.stdout.contains("Usage: tessera"), "{command}");
    }
}

#[test]
fn tells_its_version() {
    let ran = User::new().run(&["--version"]);
    assert_eq!((ran.code, ran.stdout.trim()), (0, concat!("tessera ", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn a_wrong_command_line_ends_with_2() {
    let user = User::new();
    for arguments in [
        &["nonsense"][..],
        &[],
        &["register", "https://x.example"],
        &["sandbox", "--port", "70000"],
        &["clients", "revoke", "--config", "x"],
        &["profile", "set", "--community", "a,b"],
    ] {
        let ran = user.run(arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {ran:?}");
        assert!(ran.stdout.is_empty() && !ran.stderr.is_empty(), "{ran:?}");
    }
}

#[test]
fn a_wrong_command_line_is_an_object_with_json() {
    let (code, error) = User::new().json(&["nonsense"]);
    assert_eq!(code, 2);
    assert_eq!((error["code"].as_str(), error["exit_code"].as_u64()), (Some("usage"), Some(2)));
    assert!(error["message"].is_string() && error["advice"].is_string());
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    use std::process::Stdio;
    let user = User::new();
    let mut child = user.command(&["profile", "list"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
}
