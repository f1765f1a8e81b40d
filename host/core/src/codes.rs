//! Stable codes of everything that can go wrong.
//!
//! Owns: the words, and what follows from each: which limit a user may raise, and the
//! kind of failure for a shell and over HTTP. Never: a message, or the number that a
//! program exits with.
//!
//! Codes are only ever added, never renamed. `docs/errors.md` describes every code. A
//! code in a journal may come from a newer program or from a script; [`Code::read`]
//! knows the codes of this program.

use serde::{Serialize, Serializer};

/// The kind of failure, for the process that started the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitClass {
    /// The workflow, an agent or the machine failed.
    Failed,
    /// The request or a setting is wrong.
    Usage,
    /// A named script, file or run cannot be used.
    Input,
    /// The script itself is wrong, which showed only when it ran.
    ScriptFault,
    /// The run paused, and a resume continues it.
    Paused,
    /// The run waits for people, and a resume continues it.
    Waiting,
    /// A replay differs from its recording.
    Mismatch,
    /// No agent can be used.
    Unavailable,
    /// The output could not be written.
    Unwritten,
}

/// The kind of failure over HTTP, by the names of RFC 9110.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpClass {
    /// 400.
    BadRequest,
    /// 403.
    Forbidden,
    /// 404.
    NotFound,
    /// 409.
    Conflict,
    /// 413.
    TooLarge,
    /// 422.
    Unprocessable,
    /// 429.
    TooManyRequests,
    /// 500.
    Internal,
    /// 502.
    BadGateway,
    /// 503.
    Unavailable,
    /// 504.
    GatewayTimeout,
}

/// A limit that a user may raise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Fuel of all turns.
    Fuel,
    /// Memory of a script.
    Memory,
    /// Agents that may be started.
    Agents,
    /// Size of the journal.
    Journal,
    /// Wall-clock time of a turn.
    TurnTime,
    /// Wall-clock time of a run in one process.
    Time,
    /// The budget.
    Budget,
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Fuel => "fuel",
            Self::Memory => "memory",
            Self::Agents => "number of agents",
            Self::Journal => "size of the journal",
            Self::TurnTime => "time of a turn",
            Self::Time => "time",
            Self::Budget => "budget",
        })
    }
}

/// Makes the enum and its maps from one line for each code, so that none is missing.
macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident = $word:literal, $exit:ident, $http:ident, $limit:expr;)*) => {
        /// A stable code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[doc = $doc])* $name,)*
        }

        impl Code {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The code as users, journals and scripts see it.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }

            /// The kind of failure for a shell.
            #[must_use]
            pub const fn exit(self) -> ExitClass {
                match self {
                    $(Self::$name => ExitClass::$exit,)*
                }
            }

            /// The kind of failure over HTTP.
            #[must_use]
            pub const fn http(self) -> HttpClass {
                match self {
                    $(Self::$name => HttpClass::$http,)*
                }
            }

            /// The limit that must be raised so that a run can go on, if there is one.
            #[must_use]
            pub const fn limit(self) -> Option<Limit> {
                match self {
                    $(Self::$name => $limit,)*
                }
            }

            /// The code of this word, if this program knows it.
            #[must_use]
            pub fn read(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

mod list;

pub use list::Code;

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl PartialEq<&str> for Code {
    fn eq(&self, word: &&str) -> bool {
        self.word() == *word
    }
}

impl PartialEq<Code> for str {
    fn eq(&self, code: &Code) -> bool {
        self == code.word()
    }
}

impl PartialEq<Code> for String {
    fn eq(&self, code: &Code) -> bool {
        self == code.word()
    }
}

impl From<Code> for String {
    fn from(code: Code) -> Self {
        code.word().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_reads_back_and_is_one_word() {
        let mut words: Vec<_> = Code::ALL.iter().map(|code| code.word()).collect();
        for code in Code::ALL {
            assert_eq!(Code::read(code.word()), Some(*code));
            assert!(code.word().chars().all(|c| c == '_' || c.is_ascii_alphanumeric()));
        }
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Code::ALL.len());
        assert_eq!(Code::read("nope"), None);
    }
}
