//! The compiled guest: its bytes, where they lie, and the one place that trusts
//! them.
//!
//! Owns: loading the guest into an engine. Never: settings; those are in
//! [`crate::engine_config`] and [`crate::engine`].
//!
//! On Linux the bytes lie in the program's own text, so the kernel maps them
//! executable and read-only with everything else: nothing is copied, no page is
//! ever writable and executable, and pages that no script needs are never read.
//! wasmtime knows each piece of code once in a process, so the first engine uses
//! them there and any other has a copy. Elsewhere all have copies, as systems
//! that sign code want it.

use wasmtime::component::Component;
use wasmtime::{Config, Engine};

/// The guest, compiled by build.rs.
#[cfg_attr(
    target_os = "linux",
    expect(unsafe_code, reason = "the section is the program's text, which holds no pointers")
)]
#[cfg_attr(target_os = "linux", unsafe(link_section = ".text.guest"))]
static GUEST: Aligned = Aligned(*include_bytes!(concat!(env!("OUT_DIR"), "/guest.cwasm")));

const GUEST_BYTES: usize = include_bytes!(concat!(env!("OUT_DIR"), "/guest.cwasm")).len();

/// At a page's beginning, as wasmtime wants code; pages of aarch64 have up to
/// 64 KiB.
#[cfg_attr(target_arch = "x86_64", repr(C, align(4096)))]
#[cfg_attr(not(target_arch = "x86_64"), repr(C, align(65536)))]
struct Aligned([u8; GUEST_BYTES]);

/// How one engine comes by the guest's code.
pub(crate) struct Image {
    in_place: bool,
}

impl Image {
    /// For one engine: the code where it lies, for the first that asks.
    pub(crate) fn claim() -> Self {
        Self { in_place: in_place::claim() }
    }

    /// Prepares the settings of that engine.
    pub(crate) fn configure(&self, config: &mut Config) {
        if self.in_place {
            in_place::configure(config);
        }
    }

    /// The guest's code, ready to be instantiated in that engine.
    #[expect(unsafe_code, reason = "wasmtime cannot check that bytes are its own compiler's")]
    pub(crate) fn load(&self, engine: &Engine) -> wasmtime::Result<Component> {
        // SAFETY: these bytes were written by `Engine::precompile_component` in
        // build.rs and are part of this program's image, which lives as long as
        // the process and is never written. wasmtime itself checks its version,
        // the architecture and the settings.
        unsafe {
            if self.in_place {
                Component::deserialize_raw(engine, std::ptr::NonNull::from(&GUEST.0[..]))
            } else {
                Component::deserialize(engine, &GUEST.0[..])
            }
        }
    }
}

#[cfg(target_os = "linux")]
mod in_place {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use wasmtime::{Config, CustomCodeMemory};

    use super::{Aligned, GUEST};

    static CLAIMED: AtomicBool = AtomicBool::new(false);

    /// Never given back: code may outlive its engine's owner by an instance.
    pub(super) fn claim() -> bool {
        !CLAIMED.swap(true, Ordering::Relaxed)
    }

    pub(super) fn configure(config: &mut Config) {
        config.with_custom_code_memory(Some(Arc::new(InPlace)));
    }

    /// Code that is executable already, because it is this program's own text.
    struct InPlace;

    impl CustomCodeMemory for InPlace {
        fn required_alignment(&self) -> usize {
            align_of::<Aligned>()
        }

        /// Refuses everything but the guest: this engine runs nothing else.
        fn publish_executable(&self, code: *const u8, length: usize) -> wasmtime::Result<()> {
            let image = GUEST.0.as_ptr_range();
            let end = code.wrapping_add(length);
            wasmtime::ensure!(
                image.contains(&code) && end >= code && end <= image.end,
                "code outside of the guest's image"
            );
            Ok(())
        }

        fn unpublish_executable(&self, _: *const u8, _: usize) -> wasmtime::Result<()> {
            Ok(())
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod in_place {
    /// Nothing lies in place.
    pub(super) fn claim() -> bool {
        false
    }

    pub(super) fn configure(_: &mut wasmtime::Config) {}
}
