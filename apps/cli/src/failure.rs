//! How a command ends when it does not succeed: an exit code, a stable name, what happened, and what to do.

use std::io;
use std::process::ExitCode;

use serde::Serialize;
use tessera_authorization_server::ports::StoreError;
use tessera_client::check::Check;
use tessera_client::discovery::DiscoveryError;
use tessera_client::error::{ClientError, NotSent, Phase, ServerRefusal};
use tessera_client::ports::HttpError;

/// The exit codes; `tessera help` and docs/cli.md list the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// As asked.
    Done = 0,
    /// Something that no other code stands for.
    Unexpected = 1,
    /// The command line or a file that it names.
    Usage = 2,
    /// No answer.
    NotReached = 3,
    /// No UDAP there, or not for what was asked.
    NoUdap = 4,
    /// Metadata or a certificate that do not hold.
    NotTrusted = 5,
    /// No, said the other side.
    Refused = 6,
    /// There is no profile, registration or valid certificate yet.
    SomethingFirst = 7,
    /// There is no such thing.
    NotFound = 8,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not succeed.
#[derive(Debug)]
pub(crate) struct Failure(Box<Told>);

/// All that there is to tell; boxed, for results are passed on often and fail seldom.
#[derive(Debug)]
struct Told {
    exit: Exit,
    code: String,
    message: String,
    causes: Vec<String>,
    advice: Option<String>,
    server: Option<ServerRefusal>,
    checks: Vec<Check>,
    closed_pipe: bool,
}

/// A failure as `--json` shows it.
#[derive(Serialize)]
pub(crate) struct FailureObject<'a> {
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    causes: &'a [String],
    advice: Option<&'a str>,
    exit_code: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<&'a ServerRefusal>,
    #[serde(skip_serializing_if = "<[Check]>::is_empty")]
    checks: &'a [Check],
}

impl Failure {
    /// A failure with its exit code, a name in kebab-case, and what happened.
    pub(crate) fn new(exit: Exit, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self(Box::new(Told {
            exit,
            code: code.into(),
            message: message.into(),
            causes: Vec::new(),
            advice: None,
            server: None,
            checks: Vec::new(),
            closed_pipe: false,
        }))
    }

    /// A wrong command line or file.
    pub(crate) fn usage(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, code, message)
    }

    /// With what lies underneath, from near to far.
    pub(crate) fn because(mut self, cause: impl Into<String>) -> Self {
        self.0.causes.push(cause.into());
        self
    }

    /// With what the person in front of it can do.
    pub(crate) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.0.advice = Some(advice.into());
        self
    }

    /// With the checks that were made on the way.
    pub(crate) fn after(mut self, checks: Vec<Check>) -> Self {
        self.0.checks = checks;
        self
    }

    pub(crate) fn exit(&self) -> Exit {
        self.0.exit
    }

    pub(crate) fn message(&self) -> &str {
        &self.0.message
    }

    pub(crate) fn causes(&self) -> &[String] {
        &self.0.causes
    }

    pub(crate) fn advice(&self) -> Option<&str> {
        self.0.advice.as_deref()
    }

    /// What the server said, when it was a server that said no.
    pub(crate) fn server(&self) -> Option<&ServerRefusal> {
        self.0.server.as_ref()
    }

    /// Whether nobody reads our output any more.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        self.0.closed_pipe
    }

    pub(crate) fn to_object(&self) -> FailureObject<'_> {
        FailureObject {
            code: &self.0.code,
            message: &self.0.message,
            causes: &self.0.causes,
            advice: self.0.advice.as_deref(),
            exit_code: self.0.exit as u8,
            server: self.0.server.as_ref(),
            checks: &self.0.checks,
        }
    }

    fn with_sources_of(mut self, error: &(dyn std::error::Error + 'static)) -> Self {
        let mut source = error.source();
        while let Some(error) = source {
            let cause = error.to_string();
            // Some errors say what their source says.
            if !self.0.message.ends_with(&cause) {
                self.0.causes.push(cause);
            }
            source = error.source();
        }
        self
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::new(Exit::Unexpected, "unexpected", error.to_string()).with_sources_of(error.as_ref())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let mut failure = Self::new(Exit::Unexpected, "input-output", error.to_string());
        failure.0.closed_pipe = error.kind() == io::ErrorKind::BrokenPipe;
        failure
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::new(Exit::Unexpected, "store", error.to_string())
            .with_sources_of(&error)
            .advise("Look at the database named in the configuration, its folder and the disk.")
    }
}

impl From<DiscoveryError> for Failure {
    fn from(error: DiscoveryError) -> Self {
        if let DiscoveryError::Client(error) = error {
            return error.into();
        }
        let exit = match error {
            DiscoveryError::NoUdap
            | DiscoveryError::NoMetadataForCommunity { .. }
            | DiscoveryError::NotSupported { .. } => Exit::NoUdap,
            DiscoveryError::NotMetadata { .. } => Exit::Refused,
            _ => Exit::NotTrusted,
        };
        Self::new(exit, error.code(), error.to_string()).with_sources_of(&error).advise(error.advice())
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let mut failure =
            Self::new(exit_of(&error), error.code(), error.to_string()).with_sources_of(&error).advise(error.advice());
        if let ClientError::Refused(refusal) = error {
            // What is told beside the message is not told in it as well.
            failure.0.message = ServerRefusal { correlation_id: None, ..refusal.clone() }.to_string();
            failure.0.server = Some(refusal);
        }
        failure
    }
}

fn exit_of(error: &ClientError) -> Exit {
    match error {
        ClientError::Http { source: HttpError::TooLarge(_) | HttpError::Protocol(_), .. } => Exit::Refused,
        ClientError::Http { .. } => Exit::NotReached,
        ClientError::Refused(refusal) if refusal.phase == Phase::Data && matches!(refusal.status, 404 | 410) => {
            Exit::NotFound
        }
        ClientError::Refused(_) | ClientError::Answer { .. } => Exit::Refused,
        ClientError::NotSent(reason) => match reason {
            NotSent::NotSupported { .. } => Exit::NoUdap,
            NotSent::NoMembership { .. } | NotSent::CertificateNotValid { .. } | NotSent::OtherRegistration => {
                Exit::SomethingFirst
            }
            NotSent::WildcardScope { .. } | NotSent::Invalid { .. } | NotSent::OutsideBase { .. } => Exit::Usage,
        },
        ClientError::Signing(_) => Exit::Unexpected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(phase: Phase, status: u16) -> ClientError {
        ClientError::Refused(ServerRefusal {
            phase,
            status,
            code: Some("invalid_grant".to_owned()),
            description: Some("look at purpose_of_use".to_owned()),
            correlation_id: Some("abcdefgh12345678".to_owned()),
            retry_after: None,
        })
    }

    #[test]
    fn a_refusal_shows_what_the_server_said_and_our_advice() {
        let failure = Failure::from(refused(Phase::Token, 400));
        assert_eq!(failure.exit(), Exit::Refused);
        let object = serde_json::to_value(failure.to_object()).unwrap();
        assert_eq!(object["code"], "invalid_grant");
        assert_eq!(object["exit_code"], 6);
        assert_eq!(object["server"]["correlation_id"], "abcdefgh12345678");
        assert_eq!(object.to_string().matches("abcdefgh12345678").count(), 1, "{object}");
        assert!(object["advice"].as_str().unwrap().contains("hl7-b2b"));
    }

    #[test]
    fn only_missing_data_is_not_found() {
        assert_eq!(Failure::from(refused(Phase::Data, 404)).exit(), Exit::NotFound);
        assert_eq!(Failure::from(refused(Phase::Data, 403)).exit(), Exit::Refused);
        assert_eq!(Failure::from(refused(Phase::Token, 404)).exit(), Exit::Refused);
    }

    #[test]
    fn each_way_to_stop_has_its_exit_code() {
        let not_sent = |reason: NotSent| Failure::from(ClientError::from(reason)).exit();
        assert_eq!(not_sent(NotSent::OtherRegistration), Exit::SomethingFirst);
        assert!(
            Failure::from(ClientError::from(NotSent::OtherRegistration)).causes().is_empty(),
            "the message says it"
        );
        assert_eq!(not_sent(NotSent::WildcardScope { scope: "system/*.rs".to_owned() }), Exit::Usage);
        assert_eq!(not_sent(NotSent::NotSupported { capability: "client credentials".to_owned() }), Exit::NoUdap);
        assert_eq!(Failure::from(DiscoveryError::NoUdap).exit(), Exit::NoUdap);
        let invalid = DiscoveryError::Invalid { check: "signature", detail: "does not hold".to_owned() };
        assert_eq!(Failure::from(invalid).exit(), Exit::NotTrusted);
        let (check, detail) = ("one JSON object", String::new());
        let none = DiscoveryError::NotMetadata { check, detail: detail.clone() };
        assert_eq!(Failure::from(none).exit(), Exit::Refused);
        assert_eq!(Failure::from(DiscoveryError::NotSupported { check, detail }).exit(), Exit::NoUdap);
        let http = |source| Failure::from(ClientError::Http { phase: Phase::Discovery, source }).exit();
        assert_eq!(http(HttpError::TooLarge(10)), Exit::Refused);
        assert_eq!(http(HttpError::Protocol(String::new())), Exit::Refused);
        assert_eq!(http(HttpError::TimedOut), Exit::NotReached);
    }
}
