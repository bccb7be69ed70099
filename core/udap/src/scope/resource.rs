//! What one SMART resource scope opens.

use std::fmt;
use std::ops::BitOr;

/// The longest name of a resource type that is understood; FHIR's own are below 40.
const MAX_TYPE_NAME_BYTES: usize = 64;

/// A SMART resource scope, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ResourceScope {
    /// For whom: the client itself, a signed-in user, or the patient in context.
    pub context: ScopeContext,
    /// The resource type; `None` is `*`, every type.
    pub resource: Option<String>,
    /// What may be done; never empty.
    pub permissions: Permissions,
    /// The syntax it was written in.
    pub syntax: ScopeSyntax,
    /// The search that narrows it, as received, without the `?`; v2 only, never empty.
    pub query: Option<String>,
}

/// Whose data a resource scope reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ScopeContext {
    /// What the client itself may reach: client credentials.
    System,
    /// What the signed-in user may reach.
    User,
    /// The records of the patient in context.
    Patient,
}

/// Which version's syntax a resource scope is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScopeSyntax {
    /// `.read`, `.write`, `.*`.
    V1,
    /// Letters of `cruds`.
    V2,
}

/// A set of the five things that a client may do with resources.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Permissions(u8);

impl Permissions {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// `c`: create.
    pub const CREATE: Self = Self(1);
    /// `r`: read, vread and the history of one resource.
    pub const READ: Self = Self(2);
    /// `u`: update and patch.
    pub const UPDATE: Self = Self(4);
    /// `d`: delete.
    pub const DELETE: Self = Self(8);
    /// `s`: search and the history of a type.
    pub const SEARCH: Self = Self(16);
    /// All five.
    pub const ALL: Self = Self(31);

    const V1_READ: Self = Self(Self::READ.0 | Self::SEARCH.0);
    const V1_WRITE: Self = Self(Self::CREATE.0 | Self::UPDATE.0 | Self::DELETE.0);
    const LETTERS: [(char, Self); 5] =
        [('c', Self::CREATE), ('r', Self::READ), ('u', Self::UPDATE), ('d', Self::DELETE), ('s', Self::SEARCH)];

    /// Whether all of `other` is in this set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether nothing is in this set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Reads letters of `cruds`, each at most once and in this order; `None` for anything else and for no letter.
    fn from_letters(text: &str) -> Option<Self> {
        let mut rest = text;
        let mut permissions = Self::NONE;
        for (letter, permission) in Self::LETTERS {
            if let Some(after) = rest.strip_prefix(letter) {
                rest = after;
                permissions = permissions | permission;
            }
        }
        if rest.is_empty() && !permissions.is_empty() { Some(permissions) } else { None }
    }
}

impl BitOr for Permissions {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Display for Permissions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = Self::LETTERS.into_iter().filter(|(_, permission)| self.contains(*permission));
        held.map(|(letter, _)| letter).collect::<String>().fmt(formatter)
    }
}

impl fmt::Debug for Permissions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Permissions({self})")
    }
}

impl ScopeContext {
    /// The word before the slash.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Patient => "patient",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::System, Self::User, Self::Patient].into_iter().find(|context| context.as_str() == name)
    }
}

impl ResourceScope {
    /// Reads a resource scope; `None` if the text is another kind of scope. The characters have been judged.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (context, rest) = text.split_once('/')?;
        let context = ScopeContext::from_name(context)?;
        // The query comes off first: it may hold dots and slashes of its own.
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, Some(query)),
            None => (rest, None),
        };
        let (resource, permissions) = rest.split_once('.')?;
        let resource = match resource {
            "*" => None,
            name if is_type_name(name) => Some(name.to_owned()),
            _ => return None,
        };
        let (permissions, syntax) = match permissions {
            "read" => (Permissions::V1_READ, ScopeSyntax::V1),
            "write" => (Permissions::V1_WRITE, ScopeSyntax::V1),
            "*" => (Permissions::ALL, ScopeSyntax::V1),
            letters => (Permissions::from_letters(letters)?, ScopeSyntax::V2),
        };
        let query = match query {
            None => None,
            Some(query) if syntax == ScopeSyntax::V2 && !query.is_empty() => Some(query.to_owned()),
            Some(_) => return None,
        };
        Some(Self { context, resource, permissions, syntax, query })
    }

    /// Whether this is a wildcard: any resource, or any permission in the v1 syntax. `cruds` spells its letters out
    /// and is none.
    ///
    /// Source: FAST Security STU2 §7.3
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        self.resource.is_none() || (self.syntax == ScopeSyntax::V1 && self.permissions == Permissions::ALL)
    }

    /// Whether everything that `other` opens is opened by this scope too.
    ///
    /// Both must be of one context and one syntax: a server that lists scopes of one syntax does not say that it
    /// speaks the other. A query is compared as text, so a scope with one is covered by its equals alone; whether a
    /// narrowed scope can be enforced is for the server to say by listing it.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.context == other.context
            && self.syntax == other.syntax
            && (self.resource.is_none() || self.resource == other.resource)
            && self.permissions.contains(other.permissions)
            && self.query == other.query
    }

    /// Whether the scope permits this on every resource of the type. A scope with a query permits nothing here, since
    /// it holds for some resources only.
    #[must_use]
    pub fn permits(&self, context: ScopeContext, resource: &str, permission: Permissions) -> bool {
        self.context == context
            && self.query.is_none()
            && self.resource.as_deref().is_none_or(|name| name == resource)
            && self.permissions.contains(permission)
    }
}

/// The names of FHIR's resource types are letters, the first a capital.
fn is_type_name(name: &str) -> bool {
    name.len() <= MAX_TYPE_NAME_BYTES
        && name.starts_with(|first: char| first.is_ascii_uppercase())
        && name.bytes().all(|byte| byte.is_ascii_alphabetic())
}
