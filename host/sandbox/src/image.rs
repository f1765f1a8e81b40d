//! The compiled guest: its bytes, and the only code that trusts them.
//!
//! Owns: loading the guest into an engine. Never: settings; those are in
//! [`crate::engine_config`] and [`crate::engine`].
//!
//! On Linux the bytes are in the program's own text section, which the kernel maps
//! executable and read-only: nothing is copied, no page is ever both writable and
//! executable, and pages that no script needs are never read. wasmtime registers each
//! piece of code once per process, so the first engine uses the bytes in place and any
//! other copies them. On other systems every engine has a copy, as systems with signed
//! code require.

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

/// Bytes aligned to a page, as wasmtime requires for code. Pages of aarch64 have up to
/// 64 KiB.
#[cfg_attr(target_arch = "x86_64", repr(C, align(4096)))]
#[cfg_attr(not(target_arch = "x86_64"), repr(C, align(65536)))]
struct Aligned([u8; GUEST_BYTES]);

/// How one engine gets the guest's code.
pub(crate) struct Image {
    in_place: bool,
}

impl Image {
    /// An image for one engine: in place for the first caller, a copy for all others.
    pub(crate) fn claim() -> Self {
        Self { in_place: in_place::claim() }
    }

    /// Adds the settings that this engine needs.
    pub(crate) fn configure(&self, config: &mut Config) {
        if self.in_place {
            in_place::configure(config);
        }
    }

    /// Loads the guest's code into this engine.
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

    /// Never undone: an instance can keep the code alive longer than the engine's owner.
    pub(super) fn claim() -> bool {
        !CLAIMED.swap(true, Ordering::Relaxed)
    }

    pub(super) fn configure(config: &mut Config) {
        config.with_custom_code_memory(Some(Arc::new(InPlace)));
    }

    /// Code that is already executable, because it is part of this program's text.
    struct InPlace;

    impl CustomCodeMemory for InPlace {
        fn required_alignment(&self) -> usize {
            align_of::<Aligned>()
        }

        /// Refuses everything except the guest: this engine runs nothing else.
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
    /// Every engine copies the code.
    pub(super) fn claim() -> bool {
        false
    }

    pub(super) fn configure(_: &mut wasmtime::Config) {}
}
