//! Who owns something that outlives a process, such as a lease or the programs
//! it has started: this process, named so that another process of the same
//! machine can tell whether it is still there.
//!
//! Owns: the form of an owner's name, and the judgement that one is dead.
//! Never: takes a lease, or ends a program.
//!
//! A name is `host-boot/pid-namespace/pid/start-time/nonce`. Process ids come
//! again, so the time at which the process started is part of it; containers
//! share databases but not process ids, so the namespace is. Where one of them
//! cannot be read, a dead owner is only known by its lease running out.

/// The name of this process, with `nonce` telling apart what it owns.
#[must_use]
pub fn this_process(nonce: u64) -> String {
    let pid = std::process::id();
    let place = imp::place().unwrap_or_else(|| "unknown".to_owned());
    let started = imp::started(pid).unwrap_or_else(|| "unknown".to_owned());
    format!("{place}/{pid}/{started}/{nonce:x}")
}

/// Whether the process of this name has certainly ended.
#[must_use]
pub fn is_dead(owner: &str) -> bool {
    let mut parts = owner.rsplitn(4, '/');
    let (Some(_nonce), Some(started), Some(pid), Some(place)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let Ok(pid) = pid.parse::<u32>() else { return false };
    if started == "unknown" || imp::place().as_deref() != Some(place) {
        return false;
    }
    imp::started(pid).as_deref() != Some(started)
}

#[cfg(target_os = "linux")]
mod imp {
    use std::fs;

    /// This boot of this machine, and the process namespace.
    pub(super) fn place() -> Option<String> {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let namespace = fs::read_link("/proc/self/ns/pid").ok()?;
        Some(format!("{}/{}", boot.trim(), namespace.display()))
    }

    /// Field 22 of `/proc/<pid>/stat`: clock ticks from boot to the start of
    /// the process. A zombie counts as ended: it writes nothing any more.
    pub(super) fn started(pid: u32) -> Option<String> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The second field is the program's name in brackets and may hold anything.
        let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
        if matches!(*fields.first()?, "Z" | "X") {
            return None;
        }
        fields.get(19).map(|ticks| (*ticks).to_owned())
    }
}

#[cfg(not(target_os = "linux"))]
mod imp {
    /// Not known here: leases of dead owners run out.
    pub(super) fn place() -> Option<String> {
        None
    }

    pub(super) fn started(_pid: u32) -> Option<String> {
        None
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_an_ended_one_is_dead() {
        let own = this_process(1);
        assert!(!is_dead(&own));
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let child_name = own
            .replace(&format!("/{}/", std::process::id()), &format!("/{}/", child.id()))
            .replace(
                &imp::started(std::process::id()).unwrap(),
                &imp::started(child.id()).unwrap(),
            );
        assert!(!is_dead(&child_name), "{child_name}");
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(is_dead(&child_name));
    }

    #[test]
    fn a_name_from_elsewhere_is_never_judged_dead() {
        assert!(!is_dead("another-boot/pid:[1]/1/1/1"));
        assert!(!is_dead("nonsense"));
    }
}
