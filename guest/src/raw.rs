//! What rquickjs has no safe way for: to compile a script without running it,
//! and to tell two objects apart.
//!
//! All `unsafe` of the guest is here. Never interprets the text.

use std::ffi::CStr;

use javy::quickjs::{Ctx, Error, FromJs, Result, Value, qjs};

/// Compiled code that has not run.
pub(crate) struct Compiled<'js>(Value<'js>);

/// Compiles a classic script, in strict mode or not, calling its first line
/// `first_line`. An error is the pending exception.
pub(crate) fn compile<'js>(
    ctx: &Ctx<'js>,
    text: &CStr,
    file_name: &CStr,
    first_line: i32,
    is_strict: bool,
) -> Result<Compiled<'js>> {
    let strict = if is_strict { qjs::JS_EVAL_FLAG_STRICT } else { 0 };
    let flags = qjs::JS_EVAL_TYPE_GLOBAL | qjs::JS_EVAL_FLAG_COMPILE_ONLY | strict;
    let mut options = qjs::JSEvalOptions {
        version: qjs::JS_EVAL_OPTIONS_VERSION as i32,
        eval_flags: flags as i32,
        filename: file_name.as_ptr(),
        line_num: first_line,
    };
    let length = text.count_bytes() as qjs::size_t;
    // SAFETY: the context is alive and locked while `ctx` is; both strings end
    // in NUL and outlive the call; the value that comes back is ours to own.
    let value = unsafe {
        let raw = qjs::JS_Eval2(ctx.as_raw().as_ptr(), text.as_ptr(), length, &mut options);
        owned(ctx, raw)?
    };
    Ok(Compiled(value))
}

/// Runs what was compiled and gives its completion value.
pub(crate) fn run<'js, T: FromJs<'js>>(ctx: &Ctx<'js>, compiled: &Compiled<'js>) -> Result<T> {
    // SAFETY: as above; `JS_EvalFunction` consumes the reference that
    // `JS_DupValue` adds.
    let value = unsafe {
        let context = ctx.as_raw().as_ptr();
        let code = qjs::JS_DupValue(context, compiled.0.as_raw());
        owned(ctx, qjs::JS_EvalFunction(context, code))?
    };
    T::from_js(ctx, value)
}

/// Where the object behind `value` lies; 0 for what is no object.
pub(crate) fn address(value: &Value<'_>) -> usize {
    if !value.is_object() {
        return 0;
    }
    // SAFETY: an object's value holds a pointer, which is only looked at.
    unsafe { qjs::JS_VALUE_GET_PTR(value.as_raw()) as usize }
}

/// # Safety
/// `raw` must be a value of this context that nobody else will free.
unsafe fn owned<'js>(ctx: &Ctx<'js>, raw: qjs::JSValue) -> Result<Value<'js>> {
    // SAFETY: reading the tag has no condition; the caller vouches for the rest.
    unsafe {
        if qjs::JS_VALUE_GET_NORM_TAG(raw) == qjs::JS_TAG_EXCEPTION {
            return Err(Error::Exception);
        }
        Ok(Value::from_raw(ctx.clone(), raw))
    }
}
