//! The compiled guest and stripper: their bytes, and the only code that trusts them.
//!
//! Owns: loading each into an engine. Never: settings; those are in
//! [`crate::engine_config`], [`crate::engine`] and [`crate::strip`].
//!
//! On Linux the bytes are in the program's own text section, which the kernel maps
//! executable and read-only: nothing is copied, no page is ever both writable and
//! executable, and pages that no script needs are never read. wasmtime registers each
//! piece of code once per process, so the first engine uses the bytes in place and any
//! other copies them. On other systems every engine has a copy, as systems with signed
//! code require.

use std::sync::atomic::AtomicBool;

use wasmtime::component::Component;
use wasmtime::{Config, Engine, Module};

/// The guest, compiled by build.rs.
#[cfg_attr(
    target_os = "linux",
    expect(unsafe_code, reason = "the section is the program's text, which holds no pointers")
)]
#[cfg_attr(target_os = "linux", unsafe(link_section = ".text.guest"))]
static GUEST: Aligned<GUEST_BYTES> =
    Aligned(*include_bytes!(concat!(env!("OUT_DIR"), "/guest.cwasm")));

const GUEST_BYTES: usize = include_bytes!(concat!(env!("OUT_DIR"), "/guest.cwasm")).len();

/// The stripper, compiled by build.rs.
#[cfg_attr(
    target_os = "linux",
    expect(unsafe_code, reason = "the section is the program's text, which holds no pointers")
)]
#[cfg_attr(target_os = "linux", unsafe(link_section = ".text.strip"))]
static STRIP: Aligned<STRIP_BYTES> =
    Aligned(*include_bytes!(concat!(env!("OUT_DIR"), "/strip.cwasm")));

const STRIP_BYTES: usize = include_bytes!(concat!(env!("OUT_DIR"), "/strip.cwasm")).len();

/// Bytes aligned to a page, as wasmtime requires for code. Pages of aarch64 have up to
/// 64 KiB.
#[cfg_attr(target_arch = "x86_64", repr(C, align(4096)))]
#[cfg_attr(not(target_arch = "x86_64"), repr(C, align(65536)))]
struct Aligned<const BYTES: usize>([u8; BYTES]);

/// How one engine gets its code.
pub(crate) struct Image {
    bytes: &'static [u8],
    in_place: bool,
}

impl Image {
    /// The guest, for one engine: in place for the first caller, a copy for all others.
    pub(crate) fn guest() -> Self {
        static CLAIMED: AtomicBool = AtomicBool::new(false);
        Self { bytes: &GUEST.0, in_place: in_place::claim(&CLAIMED) }
    }

    /// The stripper, likewise.
    pub(crate) fn strip() -> Self {
        static CLAIMED: AtomicBool = AtomicBool::new(false);
        Self { bytes: &STRIP.0, in_place: in_place::claim(&CLAIMED) }
    }

    /// Adds the settings that this engine needs.
    pub(crate) fn configure(&self, config: &mut Config) {
        if self.in_place {
            in_place::configure(config, self.bytes);
        }
    }

    /// Loads the code of the guest into this engine.
    #[expect(unsafe_code, reason = "wasmtime cannot check that bytes are its own compiler's")]
    pub(crate) fn component(&self, engine: &Engine) -> wasmtime::Result<Component> {
        // SAFETY: these bytes were written by `Engine::precompile_component` in
        // build.rs and are part of this program's image, which lives as long as
        // the process and is never written. wasmtime itself checks its version,
        // the architecture and the settings.
        unsafe {
            if self.in_place {
                Component::deserialize_raw(engine, std::ptr::NonNull::from(self.bytes))
            } else {
                Component::deserialize(engine, self.bytes)
            }
        }
    }

    /// Loads the code of the stripper into this engine.
    #[expect(unsafe_code, reason = "wasmtime cannot check that bytes are its own compiler's")]
    pub(crate) fn module(&self, engine: &Engine) -> wasmtime::Result<Module> {
        // SAFETY: as for `component`, with `Engine::precompile_module`.
        unsafe {
            if self.in_place {
                Module::deserialize_raw(engine, std::ptr::NonNull::from(self.bytes))
            } else {
                Module::deserialize(engine, self.bytes)
            }
        }
    }
}

#[cfg(target_os = "linux")]
mod in_place {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use wasmtime::{Config, CustomCodeMemory};

    use super::Aligned;

    /// Never undone: an instance can keep the code alive longer than the engine's owner.
    pub(super) fn claim(claimed: &AtomicBool) -> bool {
        !claimed.swap(true, Ordering::Relaxed)
    }

    pub(super) fn configure(config: &mut Config, image: &'static [u8]) {
        config.with_custom_code_memory(Some(Arc::new(InPlace(image))));
    }

    /// Code that is already executable, because it is part of this program's text.
    struct InPlace(&'static [u8]);

    impl CustomCodeMemory for InPlace {
        fn required_alignment(&self) -> usize {
            align_of::<Aligned<0>>()
        }

        /// Refuses everything except this image: its engine runs nothing else.
        fn publish_executable(&self, code: *const u8, length: usize) -> wasmtime::Result<()> {
            let image = self.0.as_ptr_range();
            let end = code.wrapping_add(length);
            wasmtime::ensure!(
                image.contains(&code) && end >= code && end <= image.end,
                "code outside of the engine's image"
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
    use std::sync::atomic::AtomicBool;

    /// Every engine copies the code.
    pub(super) fn claim(_: &AtomicBool) -> bool {
        false
    }

    pub(super) fn configure(_: &mut wasmtime::Config, _: &'static [u8]) {}
}
