//! Promises inside of awaited values.
//!
//! Owns: promises that stay in the list or object that a promise resolves to, as in
//! `Promise.all(items.map(i => ({ i, p: agent(i) })))`. Never: writes a message.

use oxc_ast::ast::Expression;

use super::functions::Fun;
use super::shapes::{Shape, Shapes};
use super::tree::{argument, method_of};

impl<'a> Shapes<'_, '_, 'a> {
    /// The promises that are left in the value of an awaited promise. `await` of a list is
    /// reported by another rule.
    pub(super) fn awaited(&self, promise: &Expression<'a>) -> Option<Shape<'a>> {
        let Expression::CallExpression(call) = promise else { return None };
        let is_parallel = self.tree.primitive(call) == Some("parallel");
        let is_all = || {
            let (object, method) = method_of(call)?;
            (method == "all" && self.tree.denotes(object) == Some("Promise")).then_some(())
        };
        if is_parallel || is_all().is_some() {
            let Expression::CallExpression(mapped) = argument(call, 0)? else { return None };
            let (_, "map") = method_of(mapped)? else { return None };
            let fun = self.callee(argument(mapped, 0)?)?;
            return match is_parallel {
                true => {
                    let [thunk] = fun.returns()[..] else { return None };
                    self.left_by(self.callee(thunk)?)
                }
                false => self.left_by(fun),
            };
        }
        if self.tree.primitive(call).is_some() {
            return None;
        }
        let fun = self.callee(&call.callee)?;
        self.left_by(fun)
    }

    /// The promises that every result of a function holds.
    fn left_by(&self, fun: Fun<'_, 'a>) -> Option<Shape<'a>> {
        let mut left = None;
        for one in fun.returns() {
            match self.of(one)? {
                Shape::Promise(_) => return None,
                Shape::List(source) | Shape::Holder(source) => {
                    left.get_or_insert(Shape::Holder(source));
                }
            }
        }
        left
    }
}
