//! The wasmtime engine.
//!
//! Owns: how instances are allocated. Never: settings that a script could observe; those
//! are in [`crate::engine_config`], for both the compiler and the program.

use smol_wf_core::limits::MEMORY_MIB_MAX;
use wasmtime::{Config, Engine, InstanceAllocationStrategy as Allocation, PoolingAllocationConfig};

use crate::component::{CORE_INSTANCES, TABLE_ENTRIES, TABLES};
use crate::engine_config::engine_config;
use crate::image::Image;
use crate::sandbox::SandboxConfig;

/// Bytes of the guest's native stack. The script's own check triggers at 2.5 MiB of the
/// guest's stack, which can take sixteen times as much native stack. That is address
/// space, and memory only once it is used. With less, deep recursion would trap at a
/// depth that differs between machines.
pub(crate) const WASM_STACK: usize = 48 * 1024 * 1024;

/// Bytes of stack for the host's functions below the guest's.
const HOST_STACK: usize = 1024 * 1024;

/// Bytes of a freed stack that are cleared rather than returned to the system. A small
/// script touches fewer, and reusing them costs no page faults.
const STACK_KEEP_RESIDENT: usize = 64 * 1024;

/// Creates an engine. A pool pays off when many instances come and go; reserving it
/// takes longer than a single run of a small script. If address space is too short for a
/// pool (`ulimit -v`), instances are mapped one by one, which is slower but isolates
/// them as well.
pub(crate) fn engine(wanted: &SandboxConfig, image: &Image) -> wasmtime::Result<Engine> {
    let mut one_by_one = config(wanted.wasm_stack);
    image.configure(&mut one_by_one);
    if !wanted.pooled {
        return Engine::new(&one_by_one);
    }
    let mut pooled = one_by_one.clone();
    pooled.allocation_strategy(Allocation::Pooling(pool(wanted.instances_max)));
    Engine::new(&pooled).or_else(|_| Engine::new(&one_by_one))
}

fn config(wasm_stack: usize) -> Config {
    let mut config = engine_config();
    config.max_wasm_stack(wasm_stack);
    config.async_stack_size(wasm_stack + HOST_STACK);
    config.async_stack_zeroing(true);
    config
}

fn pool(instances: u32) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(CORE_INSTANCES))
        .total_memories(instances)
        .total_tables(instances.saturating_mul(TABLES))
        // A store keeps its stack from its first turn on.
        .total_stacks(instances)
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_memories_per_component(1)
        .max_tables_per_component(TABLES)
        .max_memory_size((MEMORY_MIB_MAX as usize) << 20)
        .table_elements(TABLE_ENTRIES)
        // All memory of a freed slot is returned to the kernel, so that the next tenant
        // cannot find any of it, whatever this program does.
        .linear_memory_keep_resident(0)
        .async_stack_keep_resident(STACK_KEEP_RESIDENT);
    pool
}
