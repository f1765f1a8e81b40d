//! What rquickjs has no safe way for: to compile a script without running it,
//! to tell two objects apart, and to look into a value without running its code.
//!
//! All `unsafe` of the guest is here. Never interprets the text.

use std::cell::RefCell;
use std::ffi::CStr;
use std::ptr;
use std::rc::Rc;

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

/// QuickJS's number of the class of plain objects, and that of arrays.
const OBJECT_CLASS: qjs::JSClassID = 1;
const ARRAY_CLASS: qjs::JSClassID = 2;

thread_local! {
    static LOOK: RefCell<Option<Look>> = const { RefCell::new(None) };
}

/// What `is_plain` compares with. It is there for good, and only looked at.
#[derive(Clone)]
struct Look {
    context: *mut qjs::JSContext,
    object_proto: qjs::JSValue,
    array_proto: qjs::JSValue,
    to_json: qjs::JSAtom,
    /// Prototypes whose heirs are no plain data.
    kinds: Rc<[qjs::JSValue]>,
}

/// Once, when the guest is built; `kinds` are prototypes whose heirs are no
/// plain data, which the prelude keeps for good.
pub(crate) fn use_kinds(ctx: &Ctx<'_>, kinds: &[Value<'_>]) {
    // SAFETY: the context is alive and locked while `ctx` is; what is taken of
    // it is kept for good.
    let look = unsafe {
        let context = ctx.as_raw().as_ptr();
        Look {
            context,
            object_proto: qjs::JS_GetClassProto(context, OBJECT_CLASS),
            array_proto: qjs::JS_GetClassProto(context, ARRAY_CLASS),
            to_json: qjs::JS_NewAtom(context, c"toJSON".as_ptr()),
            kinds: kinds.iter().map(Value::as_raw).collect(),
        }
    };
    LOOK.set(Some(look));
}

/// Deepest nesting that `is_plain` looks into; data seldom nests deeper.
const PLAIN_DEPTH: usize = 64;

/// Whether a value is data that `JSON.stringify` loses nothing of: texts, truth
/// values, finite numbers, `null` and `undefined`, in arrays and in objects
/// without a getter and of no kind of its own, without a cycle. Runs no code of
/// the script, and takes the prototypes of objects and arrays for untouched.
/// What nests very deeply is not looked into, and not plain.
pub(crate) fn is_plain(value: &Value<'_>) -> bool {
    let Some(look) = LOOK.with_borrow(Clone::clone) else { return false };
    // SAFETY: the value is alive and its context locked while it is borrowed.
    let is_plain = unsafe { look.is_plain(value.as_raw(), &mut Vec::new()) };
    if !is_plain {
        // Only out of memory is there one.
        drop(value.ctx().catch());
    }
    is_plain
}

impl Look {
    /// # Safety
    /// `value` and all in `around`, the objects around it, must be alive.
    unsafe fn is_plain(&self, value: qjs::JSValue, around: &mut Vec<qjs::JSValue>) -> bool {
        // SAFETY: the caller vouches for the value; an object is alive while
        // what it stands in is, and nothing is changed here.
        unsafe {
            match qjs::JS_VALUE_GET_NORM_TAG(value) {
                qjs::JS_TAG_STRING
                | qjs::JS_TAG_STRING_ROPE
                | qjs::JS_TAG_INT
                | qjs::JS_TAG_BOOL
                | qjs::JS_TAG_NULL
                | qjs::JS_TAG_UNDEFINED => true,
                qjs::JS_TAG_FLOAT64 => qjs::JS_VALUE_GET_FLOAT64(value).is_finite(),
                qjs::JS_TAG_OBJECT => {
                    if around.len() == PLAIN_DEPTH || around.contains(&value) {
                        return false;
                    }
                    around.push(value);
                    let class = qjs::JS_GetClassID(value);
                    let is_plain = match class {
                        ARRAY_CLASS => self.is_plain_array(value, around),
                        OBJECT_CLASS => self.is_plain_object(value, around),
                        _ => false,
                    };
                    around.pop();
                    is_plain
                }
                _ => false,
            }
        }
    }

    /// # Safety
    /// As `is_plain`; the value must be an array, and no proxy of one.
    unsafe fn is_plain_array(&self, array: qjs::JSValue, around: &mut Vec<qjs::JSValue>) -> bool {
        // SAFETY: the caller vouches for the array; the length of one is data.
        unsafe {
            let mut length = 0;
            if !self.is_written_as_it_is(array, self.array_proto)
                || qjs::JS_GetLength(self.context, array, &mut length) < 0
            {
                return false;
            }
            (0..u32::try_from(length).unwrap_or(u32::MAX)).all(|index| {
                let name = qjs::JS_NewAtomUInt32(self.context, index);
                let is_plain = self.is_plain_property(array, name, around);
                qjs::JS_FreeAtom(self.context, name);
                is_plain
            })
        }
    }

    /// # Safety
    /// As `is_plain`; the value must be an object of that class.
    unsafe fn is_plain_object(&self, object: qjs::JSValue, around: &mut Vec<qjs::JSValue>) -> bool {
        // SAFETY: the caller vouches for the object; the names are a list of
        // that length, which is given back.
        unsafe {
            let flags = qjs::JS_GPN_STRING_MASK | qjs::JS_GPN_ENUM_ONLY;
            let (mut names, mut count) = (ptr::null_mut(), 0);
            if !self.is_written_as_it_is(object, self.object_proto)
                || qjs::JS_GetOwnPropertyNames(
                    self.context,
                    &mut names,
                    &mut count,
                    object,
                    flags as i32,
                ) < 0
            {
                return false;
            }
            let is_plain = (0..count as usize)
                .all(|index| self.is_plain_property(object, (*names.add(index)).atom, around));
            qjs::JS_FreePropertyEnum(self.context, names, count);
            is_plain
        }
    }

    /// Whether there is no `toJSON` for an object up to that prototype, and no
    /// kind of its own.
    ///
    /// # Safety
    /// The value must be an object that is alive, and no proxy.
    unsafe fn is_written_as_it_is(&self, object: qjs::JSValue, last: qjs::JSValue) -> bool {
        let mut at = object;
        // SAFETY: as above; a prototype lives as long as what has it, which is
        // why it is given back at once; without a descriptor nothing is given.
        unsafe {
            loop {
                if qjs::JS_GetOwnProperty(self.context, ptr::null_mut(), at, self.to_json) != 0 {
                    return false;
                }
                let proto = qjs::JS_GetPrototype(self.context, at);
                qjs::JS_FreeValue(self.context, proto);
                if proto == last || qjs::JS_VALUE_GET_NORM_TAG(proto) == qjs::JS_TAG_NULL {
                    return true;
                }
                if qjs::JS_GetClassID(proto) != OBJECT_CLASS || self.kinds.contains(&proto) {
                    return false;
                }
                at = proto;
            }
        }
    }

    /// Whether there is nothing of that name, or plain data.
    ///
    /// # Safety
    /// As `is_plain`; the name must be an atom that is alive.
    unsafe fn is_plain_property(
        &self,
        object: qjs::JSValue,
        name: qjs::JSAtom,
        around: &mut Vec<qjs::JSValue>,
    ) -> bool {
        let mut found = qjs::JSPropertyDescriptor {
            flags: 0,
            value: qjs::JS_UNDEFINED,
            getter: qjs::JS_UNDEFINED,
            setter: qjs::JS_UNDEFINED,
        };
        // SAFETY: no class that is looked into has properties of its own making,
        // so this runs no code; what it gives is given back.
        unsafe {
            match qjs::JS_GetOwnProperty(self.context, &mut found, object, name) {
                0 => return true,
                1 => {}
                _ => return false,
            }
            let is_data = found.flags as u32 & qjs::JS_PROP_GETSET == 0;
            let is_plain = is_data && self.is_plain(found.value, around);
            for part in [found.value, found.getter, found.setter] {
                qjs::JS_FreeValue(self.context, part);
            }
            is_plain
        }
    }
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
