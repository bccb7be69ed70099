//! Every command that the documents show is one that this program takes. (What they do is tested elsewhere.)

use clap::Parser as _;

use crate::arguments::Arguments;

const DOCUMENTS: [(&str, &str); 3] = [
    ("README.md", include_str!("../../../README.md")),
    ("docs/cli.md", include_str!("../../../docs/cli.md")),
    ("docs/operations.md", include_str!("../../../docs/operations.md")),
];

/// The lines of the document's shell blocks, those that end with a backslash joined with the next.
fn shell_lines(document: &str) -> Vec<String> {
    let blocks = document.split("```sh\n").skip(1).filter_map(|rest| rest.split_once("\n```"));
    blocks.flat_map(|(block, _)| block.replace("\\\n", " ").lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// The words of a POSIX shell, up to a comment; what a substitution would bring is the word `VALUE`.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut depth) = (Vec::new(), None::<String>, None, 0_usize);
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, quote) {
            _ if depth > 0 => match character {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            },
            ('$', None | Some('"')) if characters.peek() == Some(&'(') => {
                characters.next();
                depth = 1;
                word.get_or_insert_default().push_str("VALUE");
            }
            ('"' | '\'', None) => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (_, Some(open)) if character == open => quote = None,
            ('#', None) if word.is_none() => break,
            (' ', None) => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words
}

#[test]
fn every_command_in_the_documents_can_be_typed() {
    let mut seen = 0;
    for (name, document) in DOCUMENTS {
        for line in shell_lines(document).iter().filter(|line| line.starts_with("tessera ")) {
            if let Err(error) = Arguments::try_parse_from(words(line)) {
                panic!("{name}: {line}\n{error}");
            }
            seen += 1;
        }
    }
    assert!(seen > 30, "{seen} commands were found; are they still in ```sh blocks?");
}

#[test]
fn words_are_those_of_a_shell() {
    assert_eq!(words(r#"a "b c"  'd"e' f"#), ["a", "b c", r#"d"e"#, "f"]);
    assert_eq!(words(r#"a "$(x | y '(1)' z),c" # and more"#), ["a", "VALUE,c"]);
    assert_eq!(words("a#b ''"), ["a#b", ""]);
}
