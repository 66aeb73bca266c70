//! Names: of apps, users, channels and locks.

use std::fmt;
use std::sync::Arc;

use rtm_wire::ErrorCode;

/// Longest name in bytes, as in RTM 2.x.
pub const NAME_LEN_MAX: usize = 64;

/// Why text is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// No character at all.
    #[error("{what} is empty; give it 1 to {limit} characters")]
    Empty {
        /// What was to be named.
        what: &'static str,
        /// The most that are allowed.
        limit: usize,
    },
    /// Too many characters.
    #[error("{what} has {length} bytes; at most {limit} are allowed")]
    TooLong {
        /// What was to be named.
        what: &'static str,
        /// How many there are.
        length: usize,
        /// The most that are allowed.
        limit: usize,
    },
    /// A character that names can't have.
    #[error(
        "{what} contains {character:?}; allowed are letters, digits, space and \
         !#$%&()+,-:;<=>?@[]^_`{{|}}~, and no _ at the start"
    )]
    Character {
        /// What was to be named.
        what: &'static str,
        /// The character.
        character: char,
    },
}

/// Checks `text` by the rules of RTM 2.x: 1 to `limit` characters of the allowed ones.
///
/// # Errors
/// What is wrong with it.
pub fn check_name(what: &'static str, text: &str, limit: usize) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty { what, limit });
    }
    if text.len() > limit {
        return Err(NameError::TooLong { what, length: text.len(), limit });
    }
    let is_allowed = |character: char| {
        character.is_ascii_alphanumeric() || " !#$%&()+,-:;<=>?@[]^_`{|}~".contains(character)
    };
    let refused = text.chars().find(|&character| !is_allowed(character));
    match refused.or(text.chars().next().filter(|&first| first == '_')) {
        Some(character) => Err(NameError::Character { what, character }),
        None => Ok(()),
    }
}

/// Declares a name type: checked, owned, cheap to clone.
#[macro_export]
#[doc(hidden)]
macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $what:literal, $limit:expr, $code:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(::std::sync::Arc<str>);

        impl $name {
            /// Checks and copies the text.
            ///
            /// # Errors
            /// Empty, too long, or with a character that names can't have.
            pub fn new(text: &str) -> Result<Self, $crate::NameError> {
                $crate::check_name($what, text, $limit)?;
                Ok(Self(text.into()))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The error number for text that is no such name.
            pub const ERROR: ::rtm_wire::ErrorCode = ::rtm_wire::ErrorCode::$code;
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                write!(f, "{}({:?})", stringify!($name), &*self.0)
            }
        }

        impl ::std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name_type! {
    /// An app: what all its users and channels belong to. In production 32 hexadecimal digits.
    AppId, "the app id", NAME_LEN_MAX, INVALID_APP_ID
}

name_type! {
    /// A user of an app.
    UserId, "the user id", NAME_LEN_MAX, INVALID_USER_ID
}

name_type! {
    /// A channel of an app; message, stream and user channels have names of their own.
    ChannelName, "the channel name", NAME_LEN_MAX, INVALID_CHANNEL_NAME
}

name_type! {
    /// A lock of a channel.
    LockName, "the lock name", NAME_LEN_MAX, LOCK_INVALID_NAME
}

impl From<&UserId> for ChannelName {
    /// A user's own channel has the user's name.
    fn from(user: &UserId) -> Self {
        Self(Arc::clone(&user.0))
    }
}

/// A wrong name is a refusal with the number of what was to be named.
impl NameError {
    /// The refusal with this number.
    #[must_use]
    pub fn refusal(self, code: ErrorCode) -> crate::Refusal {
        crate::Refusal::new(code, self.to_string())
    }
}

/// Which session of which gateway: a number that only that gateway understands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriberId(pub u64);

impl fmt::Debug for SubscriberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SubscriberId({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_is_allowed_or_not_as_the_table_says() {
        let allowed = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ !#$%&()+,-:;\
                       <=>?@[]^_`{|}~";
        for character in (0..=0x2ff).filter_map(char::from_u32) {
            let is_ok = UserId::new(&format!("x{character}")).is_ok();
            assert_eq!(is_ok, allowed.contains(character), "{character:?}");
        }
    }

    #[test]
    fn names_are_checked_at_the_limit_and_one_beyond() {
        let longest = "x".repeat(64);
        for text in ["a", "lobby 1", "!#$%&()+,-:;<=>?@[]^_`{|}~", "x_", &longest] {
            assert_eq!(ChannelName::new(text).map(|n| n.as_str().to_owned()), Ok(text.to_owned()));
        }
        let what = "the channel name";
        let cases = [
            (String::new(), NameError::Empty { what, limit: 64 }),
            ("x".repeat(65), NameError::TooLong { what, length: 65, limit: 64 }),
            ("_x".into(), NameError::Character { what, character: '_' }),
            ("a.b".into(), NameError::Character { what, character: '.' }),
            ("a/b".into(), NameError::Character { what, character: '/' }),
            ("é".into(), NameError::Character { what, character: 'é' }),
            ("a\0".into(), NameError::Character { what, character: '\0' }),
        ];
        for (text, error) in cases {
            assert_eq!(ChannelName::new(&text), Err(error), "{text:?}");
        }
    }
}
