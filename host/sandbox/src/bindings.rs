//! The interfaces of `wit/` as Rust.
//!
//! Owns: the generated code. Never: code written by hand; [`crate::convert`]
//! translates.

mod generated {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "workflow",
        imports: { default: trappable },
        exports: { default: async },
        require_store_data_send: true,
    });
}

pub(crate) use generated::smol::workflow::{calls, types};
pub(crate) use generated::{Workflow, WorkflowPre};
