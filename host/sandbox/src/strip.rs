//! Takes the types out of a TypeScript text, in a module of its own.
//!
//! Owns: the stripper's engine, its limits, and what its answer means. Never: trusts an
//! address, a length or a number that it returns, or uses an instance twice: after a trap
//! its stack pointer stays where it was.
//!
//! Loaded when the first TypeScript text comes; scripts in JavaScript never pay for it.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use smol_wf_core::cut;
use smol_wf_core::limits::LOG_BYTES_MAX;
use smol_wf_core::script::{NotErasable, StripFault};
use wasmtime::{Engine, Instance, Module, Store, StoreLimits, StoreLimitsBuilder, Trap};

use crate::engine_config::engine_config;
use crate::image::Image;

/// Fuel for all texts that are stripped as one. The largest script takes a fifth of it, and
/// the slowest known text is stopped after half a second.
const FUEL: u64 = 2_000_000_000;

/// Fuel after which a long work lets others go first, some 2 ms.
const YIELD_FUEL: u64 = 10_000_000;

/// Linear memory for one text, in bytes. The largest script takes a seventh of it.
const MEMORY_BYTES: usize = 256 << 20;

/// Bytes of native stack. With 2 MiB, brackets and generics still exhaust the module's own
/// stack first, so that the depth is the same on every machine.
const WASM_STACK: usize = 4 << 20;

/// Bytes of stack below the module's for the host.
const HOST_STACK: usize = 1 << 20;

/// Status of a text that was stripped. Others are the numbers of `guest/strip`'s reasons.
const STRIPPED: u32 = 0;

/// Strips texts that belong together, such as the modules of a script: they have the fuel
/// of one text, so that many bad ones cost no more than one.
#[derive(Debug)]
pub struct Stripping {
    fuel: u64,
}

struct Stripper {
    engine: Engine,
    module: Module,
}

impl Default for Stripping {
    fn default() -> Self {
        Self { fuel: FUEL }
    }
}

impl Stripping {
    /// As [`strip`], with the fuel that is left.
    ///
    /// # Errors
    /// As of [`strip`].
    pub async fn strip(&mut self, text: &str) -> Result<String, StripFault> {
        if let Some(known) = last(text) {
            return Ok(known);
        }
        let stripper = stripper().as_ref().map_err(|detail| broken(detail.clone()))?;
        let stripped = stripper.strip(text, &mut self.fuel).await?;
        known().keep(text, &stripped);
        Ok(stripped)
    }
}

/// The text without its types: blanks stand in their place, so every line and every byte
/// stays where it was.
///
/// # Errors
/// When the text is not TypeScript, or holds what is more than a type.
pub async fn strip(text: &str) -> Result<String, StripFault> {
    Stripping::default().strip(text).await
}

/// As [`strip`], for callers that may block: half a second for the worst text.
///
/// # Errors
/// As of [`strip`].
pub fn strip_now(text: &str) -> Result<String, StripFault> {
    let mut stripping = pin!(strip(text));
    loop {
        // It yields, and waits for nothing.
        let polled = stripping.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        if let Poll::Ready(stripped) = polled {
            return stripped;
        }
    }
}

/// The last texts and what came of them: a script is read two or three times on its way,
/// and all workflows of a folder when one of them is looked for by its name.
static KNOWN: Mutex<Known> = Mutex::new(Known { texts: VecDeque::new(), bytes: 0 });

/// Most bytes of texts that are kept, before and after.
const KNOWN_BYTES_MAX: usize = 8 << 20;

struct Known {
    texts: VecDeque<(String, String)>,
    bytes: usize,
}

impl Known {
    fn keep(&mut self, text: &str, stripped: &str) {
        self.bytes += 2 * text.len();
        self.texts.push_back((text.to_owned(), stripped.to_owned()));
        while self.bytes > KNOWN_BYTES_MAX
            && let Some((text, _)) = self.texts.pop_front()
        {
            self.bytes -= 2 * text.len();
        }
    }
}

fn known() -> MutexGuard<'static, Known> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What came of a text before.
fn last(text: &str) -> Option<String> {
    let known = known();
    let found = known.texts.iter().rev().find(|(known, _)| known == text);
    found.map(|(_, stripped)| stripped.clone())
}

fn stripper() -> &'static Result<Stripper, String> {
    static STRIPPER: OnceLock<Result<Stripper, String>> = OnceLock::new();
    STRIPPER.get_or_init(|| Stripper::new().map_err(|error| format!("{error:#}")))
}

impl Stripper {
    fn new() -> wasmtime::Result<Self> {
        let image = Image::strip();
        let mut config = engine_config();
        config.max_wasm_stack(WASM_STACK);
        config.async_stack_size(WASM_STACK + HOST_STACK);
        image.configure(&mut config);
        let engine = Engine::new(&config)?;
        let module = image.module(&engine)?;
        Ok(Self { engine, module })
    }

    async fn strip(&self, text: &str, fuel: &mut u64) -> Result<String, StripFault> {
        let limits = StoreLimitsBuilder::new().memory_size(MEMORY_BYTES).build();
        let mut store = Store::new(&self.engine, limits);
        store.limiter(|limits| limits);
        store.set_fuel(*fuel).map_err(|error| broken(format!("{error:#}")))?;
        let answer = self.call(&mut store, text).await;
        *fuel = store.get_fuel().unwrap_or_default();
        match answer {
            Ok(answer) => answer.read(text),
            // Its stack, its fuel or its memory is used up, or it panicked.
            Err(error) if error.is::<Trap>() => Err(StripFault::TooMuch { at: None }),
            Err(error) => Err(broken(format!("{error:#}"))),
        }
    }

    /// Never on the caller's own stack, where deep nesting would end the process:
    /// `call_async` runs on one of its own.
    async fn call(&self, store: &mut Store<StoreLimits>, text: &str) -> wasmtime::Result<Answer> {
        store.fuel_async_yield_interval(Some(YIELD_FUEL))?;
        let length = u32::try_from(text.len())?;
        let instance = Instance::new_async(&mut *store, &self.module, &[]).await?;
        let memory = instance.get_memory(&mut *store, "memory");
        let memory = memory.ok_or_else(|| wasmtime::format_err!("it has no memory"))?;
        let room = instance.get_typed_func::<u32, u32>(&mut *store, "room")?;
        let strip = instance.get_typed_func::<(u32, u32), u32>(&mut *store, "strip_at")?;
        let address = room.call_async(&mut *store, length).await?;
        memory.write(&mut *store, address as usize, text.as_bytes())?;
        let result = strip.call_async(&mut *store, (address, length)).await?;
        let mut words = [[0_u8; 4]; 4];
        memory.read(&*store, result as usize, words.as_flattened_mut())?;
        let [status, at, address, length] = words.map(u32::from_le_bytes);
        let end = (address as usize).saturating_add(length as usize);
        let bytes = memory.data(&*store).get(address as usize..end);
        let bytes = bytes.ok_or_else(|| wasmtime::format_err!("its text lies outside of it"))?;
        Ok(Answer { status, at: at as usize, text: String::from_utf8(bytes.to_vec())? })
    }
}

/// What the stripper returned.
struct Answer {
    status: u32,
    /// Byte offset of a refusal.
    at: usize,
    /// The text without types, or the parser's message.
    text: String,
}

impl Answer {
    fn read(self, author: &str) -> Result<String, StripFault> {
        let at = self.at;
        let what = match self.status {
            STRIPPED if self.text.len() == author.len() => return Ok(self.text),
            STRIPPED => return Err(broken("bytes of the text are missing".to_owned())),
            1 => {
                let message = cut::to_bytes(self.text, LOG_BYTES_MAX);
                return Err(StripFault::Syntax { at, message });
            }
            2 => NotErasable::Enum,
            3 => NotErasable::Namespace,
            4 => NotErasable::ParameterProperty,
            5 => NotErasable::ImportEquals,
            6 => NotErasable::ExportEquals,
            7 => NotErasable::Assertion,
            8 => NotErasable::Decorator,
            9 => NotErasable::Jsx,
            10 => NotErasable::Ambiguous,
            11 => return Err(StripFault::TooMuch { at: Some(at) }),
            other => return Err(broken(format!("its status {other} is unknown"))),
        };
        Err(StripFault::NotErasable { at, what })
    }
}

fn broken(detail: String) -> StripFault {
    StripFault::Broken { detail }
}
