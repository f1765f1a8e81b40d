//! Answers inside the module what the C and Rust libraries ask of WASI, so that
//! the component need not import it: no file, no environment, no output, no
//! randomness. The clock alone stays an import.
//!
//! Never touches our own imports.

use std::collections::HashMap;
use std::convert::Infallible;

use anyhow::{Context, Result, bail, ensure};
use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{CodeSection, Function, FunctionSection, ImportSection, MemArg, Module};
use wasmparser::{FunctionSectionReader, Import, ImportSectionReader, Parser, Payload, TypeRef};

const WASI: &str = "wasi_snapshot_preview1";
const CLOCK: &str = "clock_time_get";

/// "Bad file descriptor": there is none.
const BADF: i32 = 8;

/// One import to answer inside: its type and its answer.
struct Stub {
    type_index: u32,
    body: Function,
}

/// The module with every import of WASI but the clock answered inside.
pub(crate) fn answer_wasi(core: &[u8]) -> Result<Vec<u8>> {
    let mut stubber = Stubber::new(core)?;
    let mut module = Module::new();
    stubber
        .parse_core_module(&mut module, Parser::new(0), core)
        .context("rewriting the core module")?;
    Ok(module.finish())
}

struct Stubber {
    stubs: Vec<Stub>,
    /// From the old index of each imported function to the new one.
    imported: HashMap<u32, u32>,
    /// How many functions the module defines itself.
    defined: u32,
    kept: u32,
    code_done: bool,
}

impl Stubber {
    fn new(core: &[u8]) -> Result<Self> {
        let mut stubs = Vec::new();
        let mut stubbed = Vec::new();
        let mut imported = HashMap::new();
        let (mut functions, mut kept, mut defined) = (0, 0, 0);
        for payload in Parser::new(0).parse_all(core) {
            match payload? {
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let import = import?;
                        let TypeRef::Func(type_index) = import.ty else {
                            bail!("the core module imports {} that is no function", import.name)
                        };
                        if is_answered(&import) {
                            stubs.push(Stub { type_index, body: answer(import.name)? });
                            stubbed.push(functions);
                        } else {
                            imported.insert(functions, kept);
                            kept += 1;
                        }
                        functions += 1;
                    }
                }
                Payload::FunctionSection(section) => defined = section.count(),
                _ => {}
            }
        }
        ensure!(defined > 0, "the core module defines nothing");
        // The answers stand behind all other functions.
        for (index, old) in (kept + defined..).zip(stubbed) {
            imported.insert(old, index);
        }
        Ok(Self { stubs, imported, defined, kept, code_done: false })
    }
}

impl Reencode for Stubber {
    type Error = Infallible;

    fn function_index(&mut self, old: u32) -> Result<u32, Error> {
        let imports = u32::try_from(self.imported.len()).unwrap_or(u32::MAX);
        Ok(self.imported.get(&old).copied().unwrap_or_else(|| old - imports + self.kept))
    }

    fn parse_import_section(
        &mut self,
        imports: &mut ImportSection,
        section: ImportSectionReader<'_>,
    ) -> Result<(), Error> {
        for import in section.into_imports() {
            let import = import?;
            if !is_answered(&import) {
                utils::parse_import(self, imports, import)?;
            }
        }
        Ok(())
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: FunctionSectionReader<'_>,
    ) -> Result<(), Error> {
        utils::parse_function_section(self, functions, section)?;
        for stub in &self.stubs {
            functions.function(stub.type_index);
        }
        Ok(())
    }

    // Called for each body in turn: the answers follow the last.
    fn parse_function_body(
        &mut self,
        code: &mut CodeSection,
        body: wasmparser::FunctionBody<'_>,
    ) -> Result<(), Error> {
        utils::parse_function_body(self, code, body)?;
        if code.len() == self.defined && !std::mem::replace(&mut self.code_done, true) {
            for stub in &self.stubs {
                code.function(&stub.body);
            }
        }
        Ok(())
    }
}

fn is_answered(import: &Import<'_>) -> bool {
    import.module == WASI && import.name != CLOCK
}

fn answer(name: &str) -> Result<Function> {
    let mut body = Function::new([]);
    let mut code = body.instructions();
    match name {
        // Nothing there, and nowhere to write to.
        "fd_close" | "fd_fdstat_get" | "fd_seek" | "fd_write" => {
            code.i32_const(BADF);
        }
        // Leaves the buffer as it is: what wants randomness for a hash table is
        // served by any number, and `Math.random` does not come this way.
        "random_get" | "environ_get" => {
            code.i32_const(0);
        }
        // No variables: both sizes are 0.
        "environ_sizes_get" => {
            for result in 0..2 {
                let at = MemArg { offset: 0, align: 2, memory_index: 0 };
                code.local_get(result).i32_const(0).i32_store(at);
            }
            code.i32_const(0);
        }
        "proc_exit" => {
            code.unreachable();
        }
        other => bail!("the core module asks WASI for {other}, which has no answer here"),
    }
    code.end();
    Ok(body)
}
