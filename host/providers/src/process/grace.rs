//! How long a process may take to end.
//!
//! Owns: the two limits. Never: measures time.

use std::time::Duration;

/// From SIGTERM to SIGKILL. Agents save their session within 2 s of SIGTERM.
pub(crate) const GRACE: Duration = Duration::from_secs(3);

/// From SIGKILL to giving up. A process that lives on after that hangs in the kernel,
/// on a lost network disk for instance.
pub(super) const GIVE_UP: Duration = Duration::from_secs(10);
