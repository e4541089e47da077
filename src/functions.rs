//! Objects of functions: a method costs three times as much, because its object must be unwrapped.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use napi::Env;
use napi::bindgen_prelude::{Error, FunctionCallContext, JsObjectValue, Object, Result, Status, ToNapiValue};

/// Adds one that is called with `instance`. A panic becomes an error of the call.
pub fn add<Instance: 'static, Return: ToNapiValue + 'static>(
    env: Env,
    functions: &mut Object<'_>,
    instance: &Rc<Instance>,
    name: &'static str,
    run: fn(&Instance, &FunctionCallContext<'_>) -> Result<Return>,
) -> Result<()> {
    let instance = Rc::clone(instance);
    let function = env.create_function_from_closure::<(), Return, _>(name, move |context| {
        catch_unwind(AssertUnwindSafe(|| run(&instance, &context)))
            .unwrap_or_else(|_| Err(Error::new(Status::GenericFailure, format!("{name}() panicked: please report it"))))
    })?;
    functions.set_named_property(name, function)
}
