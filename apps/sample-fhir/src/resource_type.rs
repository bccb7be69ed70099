//! The resource types that the sample data has; no other type exists here.

use crate::search::parameter::{self, SearchParameter};

/// One of the types that are kept and served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ResourceType {
    AllergyIntolerance,
    Condition,
    DiagnosticReport,
    Encounter,
    MedicationRequest,
    Observation,
    Patient,
    Practitioner,
}

impl ResourceType {
    /// All of them, in alphabetical order.
    pub(crate) const ALL: [Self; 8] = [
        Self::AllergyIntolerance,
        Self::Condition,
        Self::DiagnosticReport,
        Self::Encounter,
        Self::MedicationRequest,
        Self::Observation,
        Self::Patient,
        Self::Practitioner,
    ];

    /// The type with this name, by exact comparison.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::AllergyIntolerance => "AllergyIntolerance",
            Self::Condition => "Condition",
            Self::DiagnosticReport => "DiagnosticReport",
            Self::Encounter => "Encounter",
            Self::MedicationRequest => "MedicationRequest",
            Self::Observation => "Observation",
            Self::Patient => "Patient",
            Self::Practitioner => "Practitioner",
        }
    }

    /// The elements with a minimum cardinality of one; of each group any one will do (choice elements).
    ///
    /// Source: the resource's structure in FHIR R4
    pub(crate) const fn required_elements(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::AllergyIntolerance => &[&["patient"]],
            Self::Condition => &[&["subject"]],
            Self::DiagnosticReport | Self::Observation => &[&["status"], &["code"]],
            Self::Encounter => &[&["status"], &["class"]],
            Self::MedicationRequest => {
                &[&["status"], &["intent"], &["medicationCodeableConcept", "medicationReference"], &["subject"]]
            }
            Self::Patient | Self::Practitioner => &[],
        }
    }

    /// The search parameters beside `_id` and `_lastUpdated`, which every type has.
    pub(crate) const fn search_parameters(self) -> &'static [SearchParameter] {
        match self {
            Self::AllergyIntolerance => parameter::ALLERGY_INTOLERANCE,
            Self::Condition => parameter::CONDITION,
            Self::DiagnosticReport => parameter::DIAGNOSTIC_REPORT,
            Self::Encounter => parameter::ENCOUNTER,
            Self::MedicationRequest => parameter::MEDICATION_REQUEST,
            Self::Observation => parameter::OBSERVATION,
            Self::Patient => parameter::PATIENT,
            Self::Practitioner => parameter::PRACTITIONER,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ResourceType;

    #[test]
    fn names_and_types_are_one_to_one() {
        for kind in ResourceType::ALL {
            assert_eq!(ResourceType::parse(kind.name()), Some(kind));
        }
        assert_eq!(ResourceType::parse("patient"), None);
        assert_eq!(ResourceType::parse("Bundle"), None);
    }

    /// An index entry names its parameter by a byte.
    #[test]
    fn parameters_of_a_type_are_few_and_distinct() {
        for kind in ResourceType::ALL {
            let mut names: Vec<_> = kind.search_parameters().iter().map(|one| one.name).collect();
            assert!(names.len() < 256);
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), kind.search_parameters().len());
        }
    }
}
