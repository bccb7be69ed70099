//! What servers answered to this app's registrations.

use tessera_client::discovery::DataHolder;
use tessera_client::identity::ClientIdentity;
use tessera_client::registration::ClientRegistration;
use tessera_jose::json::{Limits, Value, read};
use tessera_trust::CommunityId;
use tessera_udap::ids::BaseUrl;

use super::folder::ProfileFolder;
use crate::failure::Failure;

const FILE: &str = "registrations.json";
const LIMIT: usize = 4 * 1024 * 1024;

/// The registrations that hold, one for each registration endpoint, community and client URI.
#[derive(Debug, Default)]
pub(crate) struct Registrations(Vec<ClientRegistration>);

impl Registrations {
    /// Reads the profile's file; none is no registration.
    pub(crate) fn read(folder: &ProfileFolder) -> Result<Self, Failure> {
        let Some(bytes) = folder.read(FILE)? else { return Ok(Self::default()) };
        Self::parse(&bytes).map_err(|problem| {
            let path = folder.file(FILE);
            Failure::usage("registrations-invalid", format!("{} cannot be read back", path.display()))
                .because(problem)
                .advise("Move the file away and register again: the servers keep the same client_id.")
        })
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let value = read(bytes, &Limits::new(LIMIT)).map_err(|error| error.to_string())?;
        let records = value.as_array().ok_or("it is not a list")?;
        let registration = |record: &Value| {
            let object = record.as_object().ok_or("an element is not an object")?;
            ClientRegistration::from_object(object).map_err(|error| error.to_string())
        };
        records.iter().map(registration).collect::<Result<_, String>>().map(Self)
    }

    pub(crate) fn write(&self, folder: &ProfileFolder) -> Result<(), Failure> {
        folder.write(FILE, self.to_json().as_bytes())
    }

    fn to_json(&self) -> String {
        let records = self.0.iter().map(|registration| registration.to_object().to_json()).collect::<Vec<_>>();
        format!("[{}]\n", records.join(",\n"))
    }

    /// What is registered where these metadata lead, first of all in their community.
    ///
    /// Bases that share a registration endpoint share registrations (META-21).
    pub(crate) fn at(&self, holder: &DataHolder, identity: &ClientIdentity) -> Option<&ClientRegistration> {
        let here = |registration: &&ClientRegistration| {
            endpoint(registration) == Some(holder.registration_endpoint().as_str().to_owned())
                && registration.client_uri() == identity.uri()
                && identity.membership(registration.community()).is_some()
        };
        let in_its_community = |registration: &&ClientRegistration| registration.community() == holder.community();
        let mut all = self.0.iter().filter(here);
        self.0.iter().filter(here).find(in_its_community).or_else(|| all.next())
    }

    /// What was registered at this very base in that community, before its metadata have been read.
    pub(crate) fn of_base(
        &self,
        base: &BaseUrl,
        community: &CommunityId,
        identity: &ClientIdentity,
    ) -> Option<&ClientRegistration> {
        self.0.iter().find(|registration| {
            registration.base() == base
                && registration.community() == community
                && registration.client_uri() == identity.uri()
        })
    }

    /// Keeps a registration in place of the former one of the same endpoint, community and client URI.
    pub(crate) fn put(&mut self, registration: ClientRegistration) {
        self.0.retain(|former| !same_place(former, &registration));
        self.0.push(registration);
    }

    pub(crate) fn remove(&mut self, registration: &ClientRegistration) {
        self.0.retain(|former| !same_place(former, registration));
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, ClientRegistration> {
        self.0.iter()
    }
}

fn same_place(one: &ClientRegistration, other: &ClientRegistration) -> bool {
    endpoint(one) == endpoint(other) && one.community() == other.community() && one.client_uri() == other.client_uri()
}

fn endpoint(registration: &ClientRegistration) -> Option<String> {
    registration.to_object().get("registration_endpoint")?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registration(endpoint: &str, client_id: &str) -> ClientRegistration {
        let mut object = tessera_jose::json::Object::new();
        object.insert("base", "https://fhir.example/r4");
        object.insert("registration_endpoint", endpoint);
        object.insert("community", "https://community.example");
        object.insert("client_uri", "https://app.example");
        object.insert("client_id", client_id);
        object.insert("scope", "system/Patient.rs");
        ClientRegistration::from_object(&object).unwrap()
    }

    #[test]
    fn one_registration_for_each_place_and_all_read_back() {
        let mut registrations = Registrations::default();
        registrations.put(registration("https://one.example/register", "a"));
        registrations.put(registration("https://two.example/register", "b"));
        registrations.put(registration("https://one.example/register", "c"));
        let read = Registrations::parse(registrations.to_json().as_bytes()).unwrap();
        let ids: Vec<_> = read.iter().map(|registration| registration.client_id().as_str()).collect();
        assert_eq!(ids, ["b", "c"]);
        registrations.remove(&registration("https://two.example/register", "b"));
        assert_eq!(registrations.iter().count(), 1);
    }

    #[test]
    fn a_damaged_file_is_told_apart_from_none() {
        assert!(Registrations::parse(b"").is_err());
        assert!(Registrations::parse(b"[{}]").is_err());
        assert!(Registrations::parse(b"[]").unwrap().0.is_empty());
    }
}
