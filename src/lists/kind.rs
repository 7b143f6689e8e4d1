//! What a rule does and covers, as one small number: what an index is made from keeps it beside
//! each hash.

use super::Matching;
use super::format::Role;

/// A [`Role`] with a [`Matching`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Kind(u8);

const MATCHINGS: [Matching; 3] = [Matching::Exact, Matching::Subdomains, Matching::Below];
/// Those that close come first.
const ROLES: [Role; 6] = [
    Role::Close,
    Role::CloseAll,
    Role::CloseLimited,
    Role::Except,
    Role::ExceptAll,
    Role::ExceptLimited,
];

impl Kind {
    /// How many kinds close: their numbers are below this.
    pub(super) const CLOSING: u8 = 9;

    /// The kind of a rule.
    pub(super) fn of(matching: Matching, role: Role) -> Self {
        let place_of_role = match role {
            Role::Close => 0,
            Role::CloseAll => 1,
            Role::CloseLimited => 2,
            Role::Except => 3,
            Role::ExceptAll => 4,
            Role::ExceptLimited => 5,
        };
        let place_of_matching = match matching {
            Matching::Exact => 0,
            Matching::Subdomains => 1,
            Matching::Below => 2,
        };
        Kind(place_of_role * 3 + place_of_matching)
    }

    /// The kind of a number.
    pub(super) fn from_number(number: u8) -> Option<Self> {
        (usize::from(number) < ROLES.len() * MATCHINGS.len()).then_some(Kind(number))
    }

    /// Its number.
    pub(super) fn number(self) -> u8 {
        self.0
    }

    /// What it covers.
    pub(super) fn matching(self) -> Matching {
        MATCHINGS[usize::from(self.0 % 3)]
    }

    /// What it does.
    pub(super) fn role(self) -> Role {
        ROLES[usize::from(self.0 / 3)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_what_it_was_made_of() {
        for role in ROLES {
            for matching in MATCHINGS {
                let kind = Kind::of(matching, role);
                assert_eq!((kind.matching(), kind.role()), (matching, role));
                assert_eq!(Kind::from_number(kind.number()), Some(kind));
                let closes = matches!(role, Role::Close | Role::CloseAll | Role::CloseLimited);
                assert_eq!(kind.number() < Kind::CLOSING, closes);
            }
        }
        assert_eq!(Kind::from_number(18), None);
    }
}
