//! Who this app is, kept in the configuration folder of the user: `tessera/profiles/NAME/`.
//!
//! | file | holds |
//! | --- | --- |
//! | `profile.toml` | the app, its communities and what it may call ([`settings`]); people may edit it |
//! | `registrations.json` | what servers answered to registrations ([`registrations`]) |
//! | `tokens.json` | access tokens that live, by what they were asked for ([`tokens`]) |
//! | `lock` | held while a file is changed |
//!
//! Keys stay where they are, or are copied into the folder; every file there is for the owner alone.

pub(crate) mod folder;
pub(crate) mod identity;
pub(crate) mod registrations;
pub(crate) mod settings;
pub(crate) mod tokens;

use crate::failure::Failure;
use crate::profile::folder::{Lock, ProfileFolder};
use crate::profile::registrations::Registrations;
use crate::profile::settings::ProfileSettings;
use crate::profile::tokens::KeptTokens;

/// The name of the settings file.
pub(crate) const SETTINGS: &str = "profile.toml";

/// A profile as it was when it was opened.
#[derive(Debug)]
pub(crate) struct Profile {
    pub(crate) folder: ProfileFolder,
    pub(crate) settings: ProfileSettings,
}

impl Profile {
    /// Opens the profile of that name.
    ///
    /// # Errors
    /// A failure that asks for `tessera profile set` when there is none.
    pub(crate) fn open(name: &str) -> Result<Self, Failure> {
        let folder = ProfileFolder::named(name)?;
        let text = folder.read(SETTINGS)?.ok_or_else(|| folder.missing())?;
        let settings = ProfileSettings::read(&text, &folder.file(SETTINGS))?;
        Ok(Self { folder, settings })
    }

    /// What is registered now.
    pub(crate) fn registrations(&self) -> Result<Registrations, Failure> {
        Registrations::read(&self.folder)
    }

    /// The tokens at hand now.
    pub(crate) fn tokens(&self) -> Result<KeptTokens, Failure> {
        KeptTokens::read(&self.folder)
    }

    /// Changes registrations and tokens in one step that no other `tessera` can come between.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Registrations, &mut KeptTokens)) -> Result<(), Failure> {
        let _lock: Lock = self.folder.lock()?;
        let mut registrations = self.registrations()?;
        let mut tokens = self.tokens()?;
        change(&mut registrations, &mut tokens);
        // Tokens first: should the second write fail, a registration without its token costs a request, no more.
        tokens.write(&self.folder)?;
        registrations.write(&self.folder)
    }
}
