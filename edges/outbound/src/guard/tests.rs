use super::*;

fn guard(allow: &[&str]) -> Guard {
    Guard::new(AllowList::parse(allow.iter().copied()).unwrap())
}

#[test]
fn takes_a_plain_url_apart_and_keeps_its_text() {
    let destination = Guard::default().judge("http://CRL.Example.org/a%2Fb/c.crl?x=1").unwrap();
    assert_eq!(destination.scheme(), Scheme::Http);
    assert_eq!(destination.host(), &Host::Name("crl.example.org".to_owned()));
    assert_eq!(destination.port(), 80);
    assert_eq!(destination.authority(), "CRL.Example.org");
    assert_eq!(destination.path_and_query(), "/a%2Fb/c.crl?x=1");
}

#[test]
fn refuses_what_a_lenient_reader_would_repair() {
    for url in [
        "http:\\\\example.org\\",
        "http:/example.org/",
        "http:///example.org/",
        " http://example.org/",
        "http://example.org/ ",
        "http://exa\tmple.org/",
        "http://example.org\n/",
        "http://exämple.org/",
        "http://example.org/\u{2028}",
        "example.org",
        "//example.org/",
        "http://example.org/#part",
        "http://example.org:/",
        "http://example.org:0/",
        "http://example.org:99999/",
        "http://",
        "http://?",
        "http://[::1",
        "http://example.org/%zz",
        "",
    ] {
        assert!(Guard::default().judge(url).is_err(), "{url:?}");
    }
}

#[test]
fn refuses_other_schemes_user_information_and_length() {
    let judge = |url: &str| Guard::default().judge(url).unwrap_err();
    for url in
        ["file:///etc/passwd", "ftp://example.org/", "gopher://example.org/", "ldap://example.org/", "HTTP+unix://x/"]
    {
        assert_eq!(judge(url), GuardRefusal::Scheme, "{url}");
    }
    assert_eq!(judge("http://example.org@10.0.0.1/"), GuardRefusal::UserInformation);
    assert_eq!(judge("http://@example.org/"), GuardRefusal::UserInformation);
    assert_eq!(judge(&format!("http://example.org/{}", "a".repeat(URL_LIMIT))), GuardRefusal::TooLong);
}

#[test]
fn refuses_numbers_that_only_a_resolver_would_take_for_an_address() {
    for host in [
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "127.1",
        "127.0.1",
        "017700000001",
        "0x",
        "1.2.3.4.5",
        "127.0.0.01",
        "a.0x1",
        "a.1",
        "localhost.",
        "a..b",
        "-a.b",
        "a-.b",
        "a_b",
        "%6c%6f%63alhost",
        "1.2.3.256",
        "",
    ] {
        let url = format!("http://{host}/");
        assert!(Guard::default().judge(&url).is_err(), "{url}");
    }
    assert!(Guard::default().judge("http://0x7f.example/").is_ok());
    assert!(Guard::default().judge("http://1.2.3.example/").is_ok());
}

#[test]
fn literal_addresses_are_judged_as_addresses() {
    for host in [
        "127.0.0.1",
        "10.1.2.3",
        "169.254.169.254",
        "192.168.1.1",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[fe80::1]",
        "[fd00::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:8.8.8.8]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[::127.0.0.1]",
        "[2001:0:4136:e378:8000:63bf:80ff:fffe]",
    ] {
        assert_eq!(Guard::default().judge(&format!("http://{host}/")).unwrap_err(), GuardRefusal::Address, "{host}");
    }
    assert!(Guard::default().judge("http://93.184.215.14/").is_ok());
    assert!(Guard::default().judge("https://[2606:4700::1111]/").is_ok());
}

#[test]
fn only_usual_ports_unless_the_allow_list_says_otherwise() {
    for port in [22, 25, 6379, 8080, 8443] {
        assert_eq!(Guard::default().judge(&format!("http://example.org:{port}/")).unwrap_err(), GuardRefusal::Port);
    }
    assert!(Guard::default().judge("http://example.org:443/").is_ok());
    assert!(guard(&["example.org:8080"]).judge("http://example.org:8080/").is_ok());
    assert_eq!(guard(&["example.org:8080"]).judge("http://example.com:8080/").unwrap_err(), GuardRefusal::Port);
}

#[test]
fn an_entry_opens_its_block_and_its_port_and_nothing_else() {
    let guard = guard(&["127.0.0.1/32:8445"]);
    assert!(guard.judge("http://127.0.0.1:8445/").is_ok());
    assert_eq!(guard.judge("http://127.0.0.1:8446/").unwrap_err(), GuardRefusal::Port);
    assert_eq!(guard.judge("http://127.0.0.2:8445/").unwrap_err(), GuardRefusal::Port);
    assert_eq!(guard.judge("http://127.0.0.1/").unwrap_err(), GuardRefusal::Address);
    assert_eq!(guard.judge("http://[::ffff:127.0.0.1]:8445/").unwrap_err(), GuardRefusal::Port);

    let by_name = guard.judge("http://localhost:8445/").unwrap();
    assert!(guard.judge_address(&by_name, "127.0.0.1".parse().unwrap()).is_ok());
    assert!(guard.judge_address(&by_name, "::1".parse().unwrap()).is_err());
    assert!(
        guard.judge_address(&by_name, "8.8.8.8".parse().unwrap()).is_err(),
        "the port was opened for loopback alone"
    );
}

#[test]
fn a_name_on_the_list_opens_internal_addresses_but_not_link_local() {
    let guard = guard(&["crl.hospital.internal:80"]);
    let destination = guard.judge("http://crl.hospital.internal/ca.crl").unwrap();
    for address in ["10.0.0.7", "192.168.1.1", "fd00::7", "93.184.215.14"] {
        assert!(guard.judge_address(&destination, address.parse().unwrap()).is_ok(), "{address}");
    }
    for address in ["169.254.169.254", "fe80::1", "0.0.0.0", "::ffff:10.0.0.7", "224.0.0.1"] {
        assert!(guard.judge_address(&destination, address.parse().unwrap()).is_err(), "{address}");
    }
}

#[test]
fn an_open_nat64_prefix_still_does_not_lead_to_a_private_address() {
    let guard = guard(&["[64:ff9b::/96]:80"]);
    assert!(guard.judge("http://[64:ff9b::808:808]/").is_ok());
    assert_eq!(guard.judge("http://[64:ff9b::7f00:1]/").unwrap_err(), GuardRefusal::Address);
    assert_eq!(guard.judge("http://[64:ff9b::a9fe:a9fe]/").unwrap_err(), GuardRefusal::Address);
}

#[test]
fn origins_are_compared_by_scheme_host_and_port() {
    let parse = |url| Destination::parse(url).unwrap();
    assert!(parse("https://h.example/a").same_origin(&parse("https://H.example:443/b")));
    assert!(!parse("https://h.example/a").same_origin(&parse("http://h.example:443/a")));
    assert!(!parse("https://h.example/a").same_origin(&parse("https://h.example:8443/a")));
}
