//! What must be refused, and with which code: strangers, tampering, theft, expiry, revocation, replay.
//!
//! Each fault is one property broken of a request that is otherwise in order, so that no refusal can come from another
//! cause.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use tessera_client::discovery::DataHolder;
use tessera_jose::key::KeyKind;
use tessera_udap::ids::ClientId;

use crate::apps::App;
use crate::certificates::Credentials;
use crate::community::Member;
use crate::forge::{Forge, refused, tampered, told};
use crate::steps::Steps;
use crate::surroundings::now;
use crate::world::World;

/// The data holder asks for revocation lists every 2 s; with this a busy machine has time enough.
const REVOCATION_SEEN_WITHIN: Duration = Duration::from_secs(20);
/// Between two looks whether it has.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(250);

const UNAPPROVED: &str = "unapproved_software_statement";
const INVALID_STATEMENT: &str = "invalid_software_statement";
const INVALID_CLIENT: &str = "invalid_client";

/// Runs every fault; one that goes wrong does not keep the others from being seen.
///
/// # Errors
/// When the apps that misbehave cannot be made.
pub(crate) async fn run(world: &World, holder: &DataHolder, client_id: &ClientId, steps: &mut Steps<'_>) -> Result<()> {
    let transport = world.transport()?;
    let faults = Faults { world, forge: Forge { transport: &transport, holder }, client_id };
    steps.take("refused: a stranger", &["CHAIN-1", "DCR-24"], faults.stranger()).await;
    steps.take("refused: a tampered statement", &["DCR-3", "DCR-23"], faults.tampered_statement()).await;
    steps.take("refused: a replayed statement", &["DCR-8"], faults.replayed_statement()).await;
    steps.take("refused: a stolen client_id", &["AUTHN-10"], faults.stolen_assertion()).await;
    steps.take("refused: a replayed assertion", &["AUTHN-5", "JWT-8"], faults.replayed_assertion()).await;
    steps.take("refused: an expired certificate", &["CHAIN-2"], faults.expired_certificate()).await;
    steps.take("refused: a revoked certificate", &["CHAIN-3"], faults.revoked_certificate()).await;
    Ok(())
}

struct Faults<'a> {
    world: &'a World,
    forge: Forge<'a>,
    client_id: &'a ClientId,
}

/// What a fault brings when it was refused as it must be.
type Refused = Result<((), String)>;

impl Faults<'_> {
    /// Its certificate is well made, but no community stands behind it.
    async fn stranger(&self) -> Refused {
        let statement = self.forge.statement(&self.world.stranger)?;
        let answer = self.forge.register(&statement).await?;
        Ok(((), refused(&answer, 400, UNAPPROVED)?))
    }

    /// A member's statement, its scope widened on the way.
    async fn tampered_statement(&self) -> Refused {
        let statement = self.forge.statement(&self.world.visitor)?;
        let statement = tampered(&statement, "system/Observation.rs", "system/*.cruds")?;
        let answer = self.forge.register(&statement).await?;
        Ok(((), refused(&answer, 400, INVALID_STATEMENT)?))
    }

    /// A statement that was accepted before.
    async fn replayed_statement(&self) -> Refused {
        let statement = self.forge.statement(&self.world.visitor)?;
        let first = self.forge.register(&statement).await?;
        ensure!(matches!(first.status, 200 | 201), "the first time: {}", told(&first));
        let again = self.forge.register(&statement).await?;
        Ok(((), refused(&again, 400, INVALID_STATEMENT)?))
    }

    /// Another member of the same community signs for the visitor's client_id, with its own good certificate.
    async fn stolen_assertion(&self) -> Refused {
        let thief = self.member("https://thief.example/app", "Thief")?;
        let assertion = self.forge.assertion(&thief, self.client_id)?;
        let answer = self.forge.token(&assertion).await?;
        Ok(((), refused(&answer, 401, INVALID_CLIENT)?))
    }

    /// An Authentication Token that has brought a token before.
    async fn replayed_assertion(&self) -> Refused {
        let assertion = self.forge.assertion(&self.world.visitor, self.client_id)?;
        let first = self.forge.token(&assertion).await?;
        ensure!(first.status == 200, "the first time: {}", told(&first));
        let again = self.forge.token(&assertion).await?;
        Ok(((), refused(&again, 401, INVALID_CLIENT)?))
    }

    /// A member whose certificate ended an hour ago.
    async fn expired_certificate(&self) -> Refused {
        const URI: &str = "https://expired.example/app";
        let hour = Duration::from_secs(3600);
        let credentials = Credentials::make(KeyKind::P256, |public_key| {
            let validity = tessera_pki::Validity { not_before: now().minus(hour * 24), not_after: now().minus(hour) };
            self.world.visitors_community().issue(Member { uri: URI, name: "Expired", public_key, validity })
        })?;
        let statement = self.forge.statement(&App::new(URI, credentials)?)?;
        let answer = self.forge.register(&statement).await?;
        Ok(((), refused(&answer, 400, UNAPPROVED)?))
    }

    /// A member that registers and takes a token, is revoked, and takes no other once the list has gone round.
    async fn revoked_certificate(&self) -> Refused {
        const URI: &str = "https://departed.example/app";
        let member = self.member(URI, "Departed")?;
        let client_id = self.forge.registered(&member).await.context("before the revocation")?;
        let before = self.forge.token(&self.forge.assertion(&member, &client_id)?).await?;
        ensure!(before.status == 200, "before the revocation: {}", told(&before));

        self.world.visitors_community().revoke(URI)?;
        let revoked = Instant::now();
        while revoked.elapsed() < REVOCATION_SEEN_WITHIN {
            let answer = self.forge.token(&self.forge.assertion(&member, &client_id)?).await?;
            if answer.status != 200 {
                let told = refused(&answer, 401, INVALID_CLIENT)?;
                let seconds = revoked.elapsed().as_secs_f32();
                return Ok(((), format!("{told} ({seconds:.1} s after the revocation)")));
            }
            tokio::time::sleep(LOOK_AGAIN_AFTER).await;
        }
        bail!("{} s after the revocation it still gets tokens", REVOCATION_SEEN_WITHIN.as_secs())
    }

    fn member(&self, uri: &str, name: &str) -> Result<App> {
        let community = self.world.visitors_community();
        App::new(uri, community.join(uri, name, KeyKind::P256)?)
    }
}
