//! The owner of something that may outlive its process, such as a lease or a started
//! program.
//!
//! Owns: the form of an owner's name, and the judgement whether one is dead or alive.
//! Never: takes a lease, or ends a program.
//!
//! A name is `host-boot/pid-namespace/pid/start-time/nonce`. Process ids are reused, so
//! the name holds the start time; containers share databases but not process ids, so it
//! holds the namespace. Where one of them cannot be read, a dead owner is known only when
//! its lease runs out.

/// The name of this process as an owner. `nonce` distinguishes the things that it owns.
#[must_use]
pub fn this_process(nonce: u64) -> String {
    let pid = std::process::id();
    let place = imp::place().unwrap_or_else(|| "unknown".to_owned());
    let started = imp::started(pid).unwrap_or_else(|| "unknown".to_owned());
    format!("{place}/{pid}/{started}/{nonce:x}")
}

/// An owner in words: its process id.
#[must_use]
pub fn in_words(owner: &str) -> String {
    let Some((place, pid, _)) = parts(owner) else { return owner.to_owned() };
    // Where places are unknown, every place counts as this one.
    match imp::place() {
        Some(here) if here != place => format!("process {pid} of another machine or container"),
        _ => format!("process {pid}"),
    }
}

/// Process id of an owner on this machine and in this container; none elsewhere.
#[must_use]
pub fn process_here(owner: &str) -> Option<u32> {
    let (place, pid, _) = parts(owner)?;
    // Where places are unknown, every place counts as this one.
    imp::place().is_none_or(|here| here == place).then_some(pid)
}

/// Place, process id and start time.
fn parts(owner: &str) -> Option<(&str, u32, &str)> {
    let mut parts = owner.rsplitn(4, '/');
    let (_nonce, started, pid) = (parts.next()?, parts.next()?, parts.next()?);
    Some((parts.next()?, pid.parse().ok()?, started))
}

/// Whether the process of this name has certainly ended.
#[must_use]
pub fn is_dead(owner: &str) -> bool {
    let Some((place, pid, started)) = parts(owner) else { return false };
    if started == "unknown" || imp::place().as_deref() != Some(place) {
        return false;
    }
    imp::started(pid).as_deref() != Some(started)
}

/// Whether the process of this name certainly runs, on this boot of this machine.
#[must_use]
pub fn is_alive(owner: &str) -> bool {
    let Some((place, pid, started)) = parts(owner) else { return false };
    started != "unknown"
        && imp::place().as_deref() == Some(place)
        && imp::started(pid).as_deref() == Some(started)
}

#[cfg(target_os = "linux")]
mod imp {
    use std::fs;

    /// The boot of this machine, and the process namespace.
    pub(super) fn place() -> Option<String> {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let namespace = fs::read_link("/proc/self/ns/pid").ok()?;
        Some(format!("{}/{}", boot.trim(), namespace.display()))
    }

    /// Field 22 of `/proc/<pid>/stat`: clock ticks from boot to the start of the process.
    /// A zombie counts as ended: it writes nothing any more.
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
    /// Unknown here: leases of dead owners run out.
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
        assert!(!is_dead(&own) && is_alive(&own));
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let child_name = own
            .replace(&format!("/{}/", std::process::id()), &format!("/{}/", child.id()))
            .replace(
                &imp::started(std::process::id()).unwrap(),
                &imp::started(child.id()).unwrap(),
            );
        assert!(!is_dead(&child_name) && is_alive(&child_name), "{child_name}");
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(is_dead(&child_name) && !is_alive(&child_name));
    }

    #[test]
    fn people_are_told_the_process() {
        assert_eq!(in_words(&this_process(1)), format!("process {}", std::process::id()));
        assert_eq!(in_words("b/pid:[1]/7/1/1"), "process 7 of another machine or container");
        assert_eq!(in_words("nonsense"), "nonsense");
        assert_eq!(process_here(&this_process(1)), Some(std::process::id()));
        assert_eq!([process_here("b/pid:[1]/7/1/1"), process_here("nonsense")], [None; 2]);
    }

    #[test]
    fn a_name_from_elsewhere_is_judged_neither_dead_nor_alive() {
        for owner in ["another-boot/pid:[1]/1/1/1", "nonsense"] {
            assert!(!is_dead(owner) && !is_alive(owner));
        }
    }
}
