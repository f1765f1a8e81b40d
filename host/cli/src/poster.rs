//! Who posts messages to runs.
//!
//! Owns: the name of the user, and the refusal of agents. Never: posts.

use smol_wf_engine::providers::{is_below_agent, is_started_below_agent};

use crate::detached;
use crate::failure::CommandError;

/// The name of the user who posts. Fails if an agent of a run would post: an agent that
/// could answer for a person would make a question to people worth nothing.
pub(crate) fn user() -> Result<String, CommandError> {
    let is_below = if detached::is_holder() { is_started_below_agent() } else { is_below_agent() };
    if is_below {
        return Err(CommandError::PostFromAgent);
    }
    Ok(system::name())
}

#[cfg(unix)]
mod system {
    use std::fs::File;
    use std::io::Read as _;

    /// Most of the list of users that is read; it has a line of some 60 bytes for each.
    const USERS_BYTES_MAX: u64 = 1024 * 1024;

    /// The system's name of this user; their number if it has none.
    pub(super) fn name() -> String {
        let number = rustix::process::getuid().as_raw();
        let mut users = String::new();
        let listed = File::open("/etc/passwd")
            .and_then(|file| file.take(USERS_BYTES_MAX).read_to_string(&mut users));
        let named = listed.ok().and_then(|_| name_in(&users, number));
        // Users of a directory service are not in the list.
        named.unwrap_or_else(|| format!("user {number}"))
    }

    /// The name of a user in the system's list: `name:password:number:…`.
    fn name_in(users: &str, number: u32) -> Option<String> {
        users.lines().find_map(|line| {
            let mut fields = line.split(':');
            let (name, _password, of) = (fields.next()?, fields.next()?, fields.next()?);
            (of.parse() == Ok(number) && !name.is_empty()).then(|| name.to_owned())
        })
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_user_is_found_by_number() {
            let users = "root:x:0:0:root:/root:/bin/sh\nbroken\nann:x:1000:1000::/home/ann:\n";
            assert_eq!(name_in(users, 1000).as_deref(), Some("ann"));
            assert_eq!(name_in(users, 0).as_deref(), Some("root"));
            assert_eq!(name_in(users, 7), None);
            assert!(!name().is_empty());
        }
    }
}

#[cfg(not(unix))]
mod system {
    pub(super) fn name() -> String {
        std::env::var("USERNAME").unwrap_or_else(|_| "user".to_owned())
    }
}
