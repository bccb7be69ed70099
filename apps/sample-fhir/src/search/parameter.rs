//! The search parameters of each type: those that the sample data needs, named and typed as FHIR R4 does.
//!
//! The `CapabilityStatement` is written from these tables, so it cannot promise more than they hold.
//!
//! Source: FHIR R4 `searchparameter-registry.html`

/// A search parameter of one resource type.
#[derive(Debug)]
pub(crate) struct SearchParameter {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Where the values are: element names from the resource down; lists on the way are walked through.
    pub(crate) paths: &'static [&'static [&'static str]],
}

/// What stands at the end of the paths, and so how values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `CodeableConcept`: each of its codings.
    Concept,
    /// `Coding`
    Coding,
    /// `code`, bound to this code system.
    Code(&'static str),
    /// `Identifier`: system and value.
    Identifier,
    /// `string`
    Text,
    /// `date`, `dateTime`, `instant` or `Period`.
    Date,
    /// `Reference` to this type.
    Reference(&'static str),
}

impl Kind {
    /// The parameter's type in the words of the specification.
    pub(crate) const fn search_type(self) -> &'static str {
        match self {
            Self::Concept | Self::Coding | Self::Code(_) | Self::Identifier => "token",
            Self::Text => "string",
            Self::Date => "date",
            Self::Reference(_) => "reference",
        }
    }
}

const fn parameter(name: &'static str, kind: Kind, paths: &'static [&'static [&'static str]]) -> SearchParameter {
    SearchParameter { name, kind, paths }
}

const FAMILY: SearchParameter = parameter("family", Kind::Text, &[&["name", "family"]]);
const GIVEN: SearchParameter = parameter("given", Kind::Text, &[&["name", "given"]]);
const IDENTIFIER: SearchParameter = parameter("identifier", Kind::Identifier, &[&["identifier"]]);
const NAME: SearchParameter = parameter(
    "name",
    Kind::Text,
    &[&["name", "family"], &["name", "given"], &["name", "prefix"], &["name", "suffix"], &["name", "text"]],
);
const CATEGORY: SearchParameter = parameter("category", Kind::Concept, &[&["category"]]);
const CODE: SearchParameter = parameter("code", Kind::Concept, &[&["code"]]);
const ENCOUNTER_OF: SearchParameter = parameter("encounter", Kind::Reference("Encounter"), &[&["encounter"]]);
const PATIENT_OF: SearchParameter = parameter("patient", Kind::Reference("Patient"), &[&["subject"]]);
const SUBJECT: SearchParameter = parameter("subject", Kind::Reference("Patient"), &[&["subject"]]);
const CLINICAL_STATUS: SearchParameter = parameter("clinical-status", Kind::Concept, &[&["clinicalStatus"]]);
const VERIFICATION_STATUS: SearchParameter =
    parameter("verification-status", Kind::Concept, &[&["verificationStatus"]]);
const EFFECTIVE: SearchParameter =
    parameter("date", Kind::Date, &[&["effectiveDateTime"], &["effectivePeriod"], &["effectiveInstant"]]);

pub(crate) const PATIENT: &[SearchParameter] = &[
    parameter("birthdate", Kind::Date, &[&["birthDate"]]),
    FAMILY,
    parameter("gender", Kind::Code("http://hl7.org/fhir/administrative-gender"), &[&["gender"]]),
    GIVEN,
    IDENTIFIER,
    NAME,
];

pub(crate) const PRACTITIONER: &[SearchParameter] = &[FAMILY, GIVEN, IDENTIFIER, NAME];

pub(crate) const ALLERGY_INTOLERANCE: &[SearchParameter] = &[
    CLINICAL_STATUS,
    CODE,
    parameter("date", Kind::Date, &[&["recordedDate"]]),
    parameter("patient", Kind::Reference("Patient"), &[&["patient"]]),
    VERIFICATION_STATUS,
];

pub(crate) const CONDITION: &[SearchParameter] = &[
    CATEGORY,
    CLINICAL_STATUS,
    CODE,
    ENCOUNTER_OF,
    parameter("onset-date", Kind::Date, &[&["onsetDateTime"], &["onsetPeriod"]]),
    PATIENT_OF,
    SUBJECT,
    VERIFICATION_STATUS,
];

pub(crate) const DIAGNOSTIC_REPORT: &[SearchParameter] = &[
    CATEGORY,
    CODE,
    EFFECTIVE,
    ENCOUNTER_OF,
    PATIENT_OF,
    parameter("status", Kind::Code("http://hl7.org/fhir/diagnostic-report-status"), &[&["status"]]),
    SUBJECT,
];

pub(crate) const ENCOUNTER: &[SearchParameter] = &[
    parameter("class", Kind::Coding, &[&["class"]]),
    parameter("date", Kind::Date, &[&["period"]]),
    PATIENT_OF,
    parameter("status", Kind::Code("http://hl7.org/fhir/encounter-status"), &[&["status"]]),
    SUBJECT,
];

pub(crate) const MEDICATION_REQUEST: &[SearchParameter] = &[
    parameter("authoredon", Kind::Date, &[&["authoredOn"]]),
    parameter("code", Kind::Concept, &[&["medicationCodeableConcept"]]),
    ENCOUNTER_OF,
    parameter("intent", Kind::Code("http://hl7.org/fhir/CodeSystem/medicationrequest-intent"), &[&["intent"]]),
    PATIENT_OF,
    parameter("status", Kind::Code("http://hl7.org/fhir/CodeSystem/medicationrequest-status"), &[&["status"]]),
    SUBJECT,
];

pub(crate) const OBSERVATION: &[SearchParameter] = &[
    CATEGORY,
    CODE,
    EFFECTIVE,
    ENCOUNTER_OF,
    PATIENT_OF,
    parameter("status", Kind::Code("http://hl7.org/fhir/observation-status"), &[&["status"]]),
    SUBJECT,
];
